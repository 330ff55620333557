import copy

import pytest

from assets.publication.verdict import GateRow, Verdict, clears
from core.errors import GateRefused, IntegrityError


def row(name="coverage_ratio", value=0.95, *, direction=">=", bar=0.9, note=""):
    return GateRow(
        name=name,
        label=name.replace("_", " "),
        value=value,
        bar=bar,
        direction=direction,
        passed=clears(value, bar, direction),
        note=note,
        next_step="look",
    )


VERDICT = Verdict.of((row(), row("list_overlap", None, note="not measured"), row("seen", 2.0)))


@pytest.mark.parametrize(
    ("value", "direction", "expected"),
    [
        (1.0, ">=", True),
        (0.9, ">=", False),
        (1.0, "<=", True),
        (1.1, "<=", False),
        (None, ">=", False),
        (None, "<=", False),
        (float("nan"), ">=", False),
        (float("nan"), "<=", False),
    ],
)
def test_what_clears_a_bar_of_one(value, direction, expected):
    assert clears(value, 1.0, direction) is expected


def test_reads_back_what_it_wrote():
    assert Verdict.from_dict(VERDICT.to_dict()) == VERDICT


def test_markdown_is_one_line_per_row():
    verdict = Verdict.of((row(), row("a|b", None, note="not\nmeasured"), row("big", 123456.0)))
    assert verdict.to_markdown() == (
        "| | limit | value | bar | note |\n"
        "|---|---|---:|---:|---|\n"
        "| yes | coverage ratio | 0.95 | >= 0.9 |  |\n"
        "| **no** | a\\|b | missing | >= 0.9 | not measured |\n"
        "| yes | big | 123456 | >= 0.9 |  |\n"
    )


def test_a_refusal_is_raised_with_its_line():
    with pytest.raises(GateRefused, match="list overlap is missing") as refusal:
        VERDICT.require_passed()
    assert refusal.value.exit_code == 1
    assert "\n" not in str(refusal.value)


def change_row(field, value):
    def change(document):
        document["rows"][0][field] = value

    return change


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.update(passed=True),
        lambda document: document.update(passed="false"),
        lambda document: document.update(extra=1),
        lambda document: document.pop("rows"),
        lambda document: document.update(rows=[]),
        lambda document: document["rows"].append(copy.deepcopy(document["rows"][0])),
        change_row("value", 0.2),
        change_row("value", "0.95"),
        change_row("value", float("nan")),
        change_row("bar", float("inf")),
        change_row("bar", None),
        change_row("passed", False),
        change_row("direction", ">"),
        change_row("surprise", 1),
        lambda document: document["rows"][1].update(passed=True),
        lambda document: document["rows"][0].pop("note"),
    ],
)
def test_a_stored_verdict_that_was_tampered_with_is_refused(damage):
    document = VERDICT.to_dict()
    damage(document)
    with pytest.raises(IntegrityError, match="run the gate again") as refusal:
        Verdict.from_dict(document)
    assert "\n" not in str(refusal.value)


def test_a_document_of_another_shape_is_refused():
    with pytest.raises(IntegrityError):
        Verdict.from_dict([])
