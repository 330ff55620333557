PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PARALLEL ?= 2

export OPENBLAS_NUM_THREADS ?= 2
export OMP_NUM_THREADS ?= 2
export DAGSTER_DISABLE_TELEMETRY := yes
export GX_ANALYTICS_ENABLED := false

.PHONY: install demo test test-slow faults lint docs ui serve bench clean

install: $(STAMP)  ## make the virtual environment and install the pinned packages

$(STAMP): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

demo: install  ## a synthetic world, two nights, three users' lists, under ./var
	$(BIN)/daybreak demo

test: install  ## every test; those that need Java are skipped where it is absent
	$(BIN)/python -m pytest -n $(PARALLEL)

test-slow: install  ## the full forms, on the real data at DAYBREAK_DATA: several minutes
	$(BIN)/python -m pytest -m slow

faults: install  ## crashes, corruption, races and restarts in their full numbers: an hour or so
	$(BIN)/python -m pytest -m faults --full

lint: install  ## format, lint, types and import rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: install  ## write anew what is generated from the code
	$(BIN)/python -m orchestration.settings_reference docs/settings.md
	$(BIN)/python -m serving.web.openapi docs/openapi.json
	$(BIN)/python -m serving.web.metric_reference docs/metrics.md

ui: install  ## the Dagster UI on http://127.0.0.1:3000 over ./var
	$(BIN)/daybreak ui

serve: install  ## the lookup service on http://127.0.0.1:8080 over ./var
	$(BIN)/daybreak serve

bench: install  ## seconds and memory by stage at 1 M events
	$(BIN)/daybreak bench daily --events 1000000

clean:  ## remove what the project made, but not the data under ./var
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info
