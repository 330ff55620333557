"""What the runbook tells to look at, to run and to read is there."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from core.settings import Settings
from orchestration.cli import COMMANDS, parser
from serving.web.metric_table import METRICS
from tests.deploy.test_prometheus import rules

ROOT = Path(__file__).resolve().parent.parent
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
MAP = (ROOT / "docs" / "images" / "runbook-map.svg").read_text(encoding="utf-8")
FAILURES = (
    "Bucket unreachable", "Redis export failing", "Intake behind", "Server crash",
    "Training failed or late", "New user", "Bad release published", "Disk full", "Clock off",
    "Traffic × 10", "Corrupted file", "LLM gone",
)  # fmt: skip
PARTS = ("**What happens.**", "**What is seen.**", "**What to do.**", "**Shown by**")
_NAMED = re.compile(r"`([^`]+)`")
_TESTS = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")


def section(name):
    """Returns a failure's section."""
    return RUNBOOK.partition(f"\n### {name}\n")[2].partition("\n### ")[0]


@cache
def names_in(path):
    """Returns the names of the tests in a file."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {x.name for x in tree.body if isinstance(x, ast.FunctionDef)}


@pytest.mark.parametrize("name", FAILURES)
def test_every_failure_has_all_its_parts_and_a_test(name):
    text = section(name)
    places = [text.find(part) for part in PARTS]
    assert -1 not in places
    assert places == sorted(places)
    shown_by = text.partition(PARTS[-1])[2]
    assert _TESTS.search(shown_by), name
    assert all("::test_" in found for found in _TESTS.findall(shown_by))


def test_there_are_no_other_failures():
    assert tuple(re.findall(r"^### (.+)$", RUNBOOK, re.MULTILINE)) == FAILURES


@pytest.mark.parametrize("named", sorted(set(_TESTS.findall(RUNBOOK))))
def test_every_test_exists(named):
    path, _, name = named.partition("::")
    assert (ROOT / path).is_file()
    assert not name or name in names_in(path)


def test_every_command_exists():
    named = " ".join(RUNBOOK.split())
    commands = re.findall(r"`daybreak ([a-z]+)(?: ([a-z]+))?", named)
    assert len(commands) > 20
    for command, action in set(commands):
        assert command in COMMANDS
        if action:
            choices = [x.choices for x in _subparsers(command) if x.choices]
            assert any(action in found for found in choices), f"daybreak {command} {action}"


def test_every_flag_exists():
    for command, flag in re.findall(
        r"`daybreak ([a-z]+)[^`]*? (--[a-z-]+)", " ".join(RUNBOOK.split())
    ):
        (sub,) = (
            x.choices[command] for x in _actions(parser(command)) if command in (x.choices or ())
        )
        assert flag in _help(sub), f"daybreak {command} {flag}"


def _actions(whole):
    return whole._actions


def _subparsers(command):
    (sub,) = (x.choices[command] for x in _actions(parser(command)) if command in (x.choices or ()))
    return _actions(sub)


def _help(sub):
    deeper = [
        x for action in _actions(sub) for x in (action.choices or {}) if action.nargs == "A..."
    ]
    texts = [sub.format_help()]
    for action in _actions(sub):
        if action.nargs == "A...":
            texts += [action.choices[name].format_help() for name in deeper]
    return " ".join(texts)


def test_every_metric_and_alert_exists_and_every_alert_is_told_of():
    exported = {name for metric in METRICS for name in metric.names}
    named = set(_NAMED.findall(RUNBOOK))
    metrics = {name for name in named if re.fullmatch(r"daybreak_\w+", name)}
    assert len(metrics) > 10
    assert metrics <= exported
    alerts = {name for name in named if re.fullmatch(r"Daybreak[A-Z]\w+", name)}
    assert alerts == {rule["alert"] for rule in rules()}


def test_every_setting_exists():
    for group, name in re.findall(r"`\[(\w+)\] (\w+)`", RUNBOOK):
        assert name in type(getattr(Settings(), group)).model_fields


def test_the_bounds_of_the_queues_are_the_defaults():
    whole, mebibyte = Settings(), 1 << 20
    intake, limits, releases = whole.intake, whole.limits, whole.releases
    for bound in (
        f"{limits.max_connections:,} connections", f"{limits.max_concurrency} requests at once",
        f"{intake.max_waiting_bytes // mebibyte} MiB", f"{intake.max_impressions:,}",
        f"{intake.segment_bytes // mebibyte} MiB or {intake.segment_seconds:.0f} s",
        f"spread over {releases.spread_seconds:.0f} s",
    ):  # fmt: skip
        assert bound in " ".join(RUNBOOK.split()), bound
    assert f"last {intake.reserve_bytes // mebibyte} MiB" in RUNBOOK
    assert f"memory of {intake.remembered_users:,} users" in RUNBOOK


def test_the_map_names_what_the_tables_name():
    names = set(re.findall(r"^\| ([QLC]\d)\b", RUNBOOK, re.MULTILINE))
    assert names == {
        *(f"Q{n}" for n in range(1, 7)),
        "L1",
        "L2",
        "L3",
        *(f"C{n}" for n in range(1, 6)),
    }
    drawn = set(re.findall(r">([QLC]\d)\b", MAP))
    assert drawn == names
