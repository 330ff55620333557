"""What the README and the settings reference say is so."""

import re
from pathlib import Path

import pytest
import yaml

from orchestration.cli import COMMANDS
from orchestration.settings_reference import reference

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
_NAMED = re.compile(r"`([^`]+)`")
_LINKED = re.compile(r"\]\(([^)#:]+)\)")


def rows_to_go_to() -> list[tuple[str, str]]:
    """Returns the rows of the table "I want to… → go to"."""
    section = README.partition("## I want to")[2].partition("\n\n`")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [(row[0], row[1]) for row in rows[2:]]


def test_the_table_has_rows():
    assert len(rows_to_go_to()) >= 10


@pytest.mark.parametrize(("wanted", "places"), rows_to_go_to())
def test_every_place_to_go_to_exists(wanted, places):
    names = _NAMED.findall(places)
    assert names, f"{wanted}: no place is named"
    for name in names:
        if name.startswith("daybreak "):
            assert name.split()[1] in COMMANDS
        else:
            assert (ROOT / name).exists(), name


@pytest.mark.parametrize(
    "page", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/looking.md", "docs/deploy.md"]
)
def test_every_link_within_the_project_leads_somewhere(page):
    for target in _LINKED.findall((ROOT / page).read_text(encoding="utf-8")):
        assert ((ROOT / page).parent / target).exists(), f"{page}: {target}"


def test_every_command_of_the_readme_exists():
    called = set(re.findall(r"^daybreak (\w+)", README, re.MULTILINE))
    called |= {name.split()[1] for name in _NAMED.findall(README) if name.startswith("daybreak ")}
    assert called - {"--help"} <= set(COMMANDS)


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake (\w[\w-]*)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_settings_reference_is_that_of_the_settings():
    stored = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert stored == reference(), "docs/settings.md is old; run `make docs`"


def test_the_workspace_loads():
    from orchestration.definitions import defs
    from orchestration.instance import LOCATION

    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    module = entry["python_module"]
    assert module == {"module_name": defs_module(defs), "location_name": LOCATION}
    type(defs).validate_loadable(defs)
    assert {job.name for job in defs.resolve_all_job_defs()} >= {"daily"}


def defs_module(defs: object) -> str:
    """Returns the module that holds the definitions under the name that Dagster looks for."""
    from orchestration import definitions

    assert definitions.defs is defs
    return definitions.__name__
