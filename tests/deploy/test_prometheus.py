"""Rules and dashboard ask for what the server exports, by its names, labels and values."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from serving.web.metric_reference import reference
from serving.web.metric_table import METRICS
from tests.needed import missing

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SERIES = {name: metric for metric in METRICS for name in metric.names}
OURS = {"instance", "job", "le"}  # labels that Prometheus adds, or a histogram
_WORDS = {"and", "or", "unless", "by", "without", "on", "ignoring", "group_left", "offset", "bool"}
_GROUPS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^()]*)\)")
_SELECTED = re.compile(r"([A-Za-z_:][\w:]*)\s*\{([^{}]*)\}")
_MATCHER = re.compile(r'\s*(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"\s*')
_FUNCTION = re.compile(r"\b[a-z_]\w*\s*(?=\()")
_NAME = re.compile(r"[A-Za-z_:][\w:]*")


def complaints(expression):
    """Returns what an expression names that nothing exports."""
    found, used = [], set()
    for name, body in _SELECTED.findall(expression):
        for label, sign, value in _MATCHER.findall(body):
            used.add(label)
            found += _unmatched(name, label, sign, value)
    rest = re.sub(r"\{[^{}]*\}|\[[^\]]*\]|offset\s+\w+", " ", expression)
    for labels in _GROUPS.findall(rest):
        used |= {label.strip() for label in labels.split(",") if label.strip()}
    rest = _FUNCTION.sub(" ", _GROUPS.sub(" ", rest))
    names = set(_NAME.findall(rest)) - _WORDS
    found += [f"no metric {name}" for name in sorted(names - set(SERIES) - {"up"})]
    known = OURS | {label for name in names & set(SERIES) for label in SERIES[name].labels}
    return found + [f"no label {label}" for label in sorted(used - known)]


def _unmatched(name, label, sign, value):
    metric = SERIES.get(name)
    if metric is None or label not in metric.labels or not metric.series[0] or "$" in value:
        return []
    values = {series[metric.labels.index(label)] for series in metric.series}
    pattern = value if sign.endswith("~") else re.escape(value)
    matched = {x for part in pattern.split("|") for x in values if re.fullmatch(part, x)}
    every = all(any(re.fullmatch(part, x) for x in values) for part in pattern.split("|"))
    return [] if matched and every else [f"{name} has no {label} {value}"]


def rules():
    document = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text(encoding="utf-8"))
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard():
    return json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_is_there(rule):
    assert complaints(rule["expr"]) == []
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert set(rule["annotations"]) == {"summary", "description"}


@pytest.mark.parametrize("panel", panels(), ids=lambda panel: panel["title"])
def test_a_panel_asks_for_what_is_there(panel):
    expressions = [target["expr"] for target in panel["targets"]]
    assert expressions
    assert {text: complaints(text) for text in expressions} == {text: [] for text in expressions}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(daybreak_request_total[5m])", ["no metric daybreak_request_total"]),
        ("daybreak_swap_seconds", ["no metric daybreak_swap_seconds"]),
        ("sum by (way) (daybreak_swaps_total)", ["no label way"]),
        ('daybreak_items_total{kind="x"}', ["no label kind"]),
        ('daybreak_items_total{rung="best"}', ["daybreak_items_total has no rung best"]),
        (
            'rate(daybreak_requests_total{route=~"health|helth"}[5m])',
            ["daybreak_requests_total has no route health|helth"],
        ),
        ('up{job="daybreak"} == 0 unless on (instance) daybreak_workers', []),
    ],
)
def test_what_is_not_exported_is_found(expression, expected):
    assert complaints(expression) == expected


def test_the_alerts_are_these():
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    assert set(names) >= {
        "DaybreakReleaseStale", "DaybreakNoRelease", "DaybreakReleaseRefused",
        "DaybreakWorkerRestarted", "DaybreakServerErrors", "DaybreakShedding", "DaybreakSlow",
        "DaybreakEventsNotStored", "DaybreakEventsNotSealed", "DaybreakImpressionsDropped",
        "DaybreakLooksFail", "DaybreakLocationUnreachable", "DaybreakLocationFails",
    }  # fmt: skip


def test_a_location_that_hangs_is_told_by_when_it_was_last_seen():
    """A look that never ends counts as no failure."""
    (rule,) = [rule for rule in rules() if rule["alert"] == "DaybreakLocationUnreachable"]
    assert (rule["expr"], rule["for"]) == ("time() - daybreak_location_seen_at > 300", "1m")


def test_the_dashboard_has_a_row_for_everyone_who_looks():
    document = dashboard()
    rows = [panel["title"] for panel in document["panels"] if panel["type"] == "row"]
    assert [row.partition(":")[0] for row in rows] == ["Users", "Product", "Operations", "Cost"]
    assert len(panels()) >= 7
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    places = [
        (panel["gridPos"]["x"] + dx, panel["gridPos"]["y"] + dy)
        for panel in document["panels"]
        for dx in range(panel["gridPos"]["w"])
        for dy in range(panel["gridPos"]["h"])
    ]
    assert len(set(places)) == len(places), "panels overlap"
    assert max(x for x, _ in places) < 24


def test_every_metric_is_drawn_or_alerts():
    told = [rule["expr"] for rule in rules()]
    told += [target["expr"] for panel in panels() for target in panel["targets"]]
    text = "\n".join(told)
    unused = {m.name for m in METRICS if not any(name in text for name in m.names)}
    assert unused == set()


def test_the_reference_is_that_of_the_table():
    stored = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert stored == reference(), "docs/metrics.md is old; run `make docs`"


def test_prometheus_takes_the_rules_and_they_fire():
    """The program's own check, and its own test of when they fire, where it is installed."""
    if shutil.which("promtool") is None:
        missing("promtool, Prometheus' own check, is not on the PATH")
    for verb, path in (
        ("check", DEPLOY / "prometheus-rules.yml"),
        ("test", Path(__file__).with_name("prometheus-rules-test.yml")),
    ):
        done = subprocess.run(
            ["promtool", verb, "rules", str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
