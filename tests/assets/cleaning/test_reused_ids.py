"""Whose event ids ingest had to refuse, read from the refused rows' text."""

import polars as pl
import pytest

from assets.cleaning.reused_ids import reused_ids
from assets.ingest.repeats import REUSED_REASON
from core.engine import Engine
from core.schemas import QUARANTINE
from tests import toy

D = toy.BEFORE_US
COUNTED = [
    ("iso", '{"event_id":"e","user_id":"iso","occurred_at":"2024-03-09T23:59:59.999999Z"}'),
    ("spaced", '{"occurred_at" : "2024-03-09 00:00:00", "user_id" : "spaced" , "n": 1}'),
    ("micro", f'{{"user_id":"micro","occurred_at":"{D - 1}"}}'),
    ("milli", f'{{"user_id":"milli","occurred_at":{D // 1000 - 1}}}'),
    ("second", f'{{"user_id":"second","occurred_at":{D // 1_000_000 - 1}}}'),
    ("nano", f'{{"user_id":"nano","occurred_at":"{D * 1000 - 1000}"}}'),
    ("42", '{"user_id":42,"occurred_at":"2024-01-01"}'),
    ("a,b}c", '{"user_id":"a,b}c","occurred_at":"2024-01-01"}'),
    ("real", '{"note":"{\\"user_id\\":\\"framed\\"}","user_id":"real","occurred_at":"2024-01-01"}'),
]
NOT_COUNTED = [
    '{"user_id":"late","occurred_at":"2024-03-10T00:00:00Z"}',
    f'{{"user_id":"late","occurred_at":"{D}"}}',
    f'{{"user_id":"late","occurred_at":{D // 1000}}}',
    f'{{"user_id":"late","occurred_at":{D // 1_000_000}}}',
    f'{{"user_id":"late","occurred_at":"{D * 1000}"}}',
    '{"user_id":"odd","occurred_at":"yesterday"}',
    '{"user_id":"odd","occurred_at":""}',
    '{"user_id":"odd","occurred_at":"99999999999999999999999999"}',
    '{"occurred_at":"2024-01-01"}',
    '{"user_id":"timeless"}',
    "e1,csv,alpha,click,2024-01-01",
    None,
]


def refused(raws: list[str | None], **more: object) -> pl.DataFrame:
    return toy.rows_of(
        QUARANTINE,
        [
            {
                "source_file": "f",
                "line": n,
                "raw": raw,
                "reason": REUSED_REASON,
                "table": "events",
                **more,
            }
            for n, raw in enumerate(raws)
        ],
    )


def test_reuse_is_counted_by_the_refused_rows_user(engine: Engine) -> None:
    raws = [raw for _, raw in COUNTED]
    quarantine = pl.concat(
        [
            refused([*raws, *raws[:2], *NOT_COUNTED]),
            refused(raws, reason="user_id is missing"),
            refused(raws, table="items"),
        ]
    )
    found = engine.collect(reused_ids(engine.from_polars(quarantine), D)).sort("user_id")
    expected = {user: 1 for user, _ in COUNTED} | {"iso": 2, "spaced": 2}
    assert dict(found.iter_rows()) == expected


@pytest.mark.parametrize("raws", [[], NOT_COUNTED])
def test_nothing_to_count_gives_no_rows(engine: Engine, raws: list[str | None]) -> None:
    found = engine.collect(reused_ids(engine.from_polars(refused(raws)), D))
    assert found.rows() == []
    assert dict(found.schema) == {"user_id": pl.String(), "n_reused": pl.Int64()}
