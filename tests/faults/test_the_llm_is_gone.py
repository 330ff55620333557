"""No list and no sentence waits for an LLM: there is none on the way from an event to an answer."""

import polars as pl
import pytest

from core.home import Home
from core.release_store import ReleaseStore
from tests.test_layers import imported, sources

pytestmark = pytest.mark.faults


def test_a_night_without_an_llm_has_a_sentence_for_every_reason(nights):
    releases = ReleaseStore(Home(nights).releases)
    tables = releases.path(releases.log.current()) / "tables"
    lists = pl.read_parquet(tables / "lists.parquet")
    sentences = pl.read_parquet(tables / "explanations.parquet")
    assert len(lists) > 0
    assert set(sentences["origin"]) == {"template"}
    assert sentences["text"].str.strip_chars().str.len_chars().min() > 0
    assert set(lists["explanation_key"]) <= set(sentences["explanation_key"])


def test_no_part_can_call_one():
    callers = [path for path, tree in sources() if "openai" in imported(tree)]
    assert callers == []
