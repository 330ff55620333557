import pytest

from assets.explanations.forms import sentence_forms
from assets.explanations.grammar import expand, slots
from core.explanation_settings import REASON_TYPES, ExplanationSettings


def test_alternatives_multiply() -> None:
    rules = {"a": ("1", "<b>2"), "b": ("x", "y")}
    assert expand("<a>-<b> {slot}", rules) == (
        "1-x {slot}", "1-y {slot}", "x2-x {slot}", "x2-y {slot}", "y2-x {slot}", "y2-y {slot}",
    )  # fmt: skip


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError, match="nowhere"):
        expand("<nowhere>", {})


def test_slots_alternate_with_literals() -> None:
    assert slots("a {b}{c} d") == ["a ", "b", "", "c", " d"]


@pytest.mark.parametrize("locale", ["en", "es"])
def test_every_type_has_several_forms_that_name_what_they_must(locale) -> None:
    forms = sentence_forms(ExplanationSettings(locale=locale))
    assert set(forms) == set(REASON_TYPES)
    for kind, texts in forms.items():
        assert len(set(texts)) == len(texts) >= 2
        for text in texts:
            named = slots(text)[1::2]
            assert named.count("target") == 1
            assert named.count("source") == (kind.startswith("same_") or kind == "watched_together")
            assert ("fact" in named or "quoted" in named) == (
                kind.startswith("same_") or kind == "matches_preference"
            )
            assert "<" not in text
            assert not text.endswith(".")
