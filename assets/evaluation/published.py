"""Makes `published`: how the lists of earlier releases did on what happened since."""

from pathlib import Path

import numpy as np
import polars as pl

from assets.evaluation.measure import METRICS
from core.days import day_start_us, parse_day
from core.errors import IntegrityError, NotFound
from core.manifest import verify_file
from core.night import Made, Night
from core.release_store import ReleaseStore
from core.schemas import CLEAN_EVENTS, INTERACTIONS, LISTS
from core.staging import Staging
from training.held_out import HeldOut
from training.metrics import user_metrics

_DEPTH = 20
_LISTS = f"tables/{LISTS.name}.parquet"
_LOOK_BACK = 7


def make_published(night: Night) -> Made:
    """Makes `published`: published.json, a row for each of the last releases before D.

    A release that is no longer whole is named and not measured: it must not stop tonight's run.
    Truth is what a listed user newly took to between that release's date and D. A user who did
    nothing new is not counted: nobody knows whether the list was bad or the user away.
    """
    releases = ReleaseStore(night.home.releases)
    standing = releases.log.standing()
    known = {**standing.archived, **standing.published}
    earlier = sorted(
        (entry.as_of, name) for name, entry in known.items()
        if entry.as_of < night.key and standing.status(name) in ("published", "archived")
    )[-_LOOK_BACK:]  # fmt: skip

    def write(staging: Staging) -> None:
        rows = [_score(night, releases, name, as_of) for as_of, name in earlier]
        staging.write_json("published.json", rows)
        staging.facts["n_releases"] = len(rows)

    config = {"releases": [name for _, name in earlier]}
    return night.make("published", write, inputs=["clean_events", "interactions"], config=config)


def _score(night: Night, releases: ReleaseStore, name: str, as_of: str) -> dict[str, object]:
    named: dict[str, object] = {"release": name, "as_of": as_of, "until": night.key}
    path = _whole_lists(releases, name)
    if path is None:
        return {**named, "not_measured": "its lists are gone or damaged"}
    lists = (
        pl.scan_parquet(path).filter(pl.col("rank") <= _DEPTH).select("user_id", "rank", "item_id")
    )
    truth = _new_since(night, day_start_us(parse_day(as_of))).join(
        lists.select("user_id").unique(), on="user_id", how="semi"
    ).collect()  # fmt: skip
    users = truth["user_id"].unique().sort()
    found = lists.filter(pl.col("user_id").is_in(users.to_list())).collect()
    items = pl.concat([truth["item_id"], found["item_id"]]).unique().sort()
    row = pl.DataFrame({"user_id": users}).with_row_index("row")
    num = pl.DataFrame({"item_id": items}).with_row_index("num")
    held = truth.join(row, on="user_id").join(num, on="item_id")
    placed = found.join(row, on="user_id").join(num, on="item_id")
    matrix = np.full((len(users), _DEPTH), -1, dtype=np.int32)
    matrix[placed["row"].to_numpy(), placed["rank"].to_numpy() - 1] = placed["num"].to_numpy()
    metrics = user_metrics(
        matrix,
        HeldOut.from_pairs(
            held["row"].to_numpy(), held["num"].to_numpy(), n_users=len(users), n_items=len(items)
        ),
    ).means()
    measured = {metric: metrics.get(metric) for metric in METRICS}
    return {**named, "n_users": len(users), "n_pairs": truth.height, **measured}


def _whole_lists(releases: ReleaseStore, name: str) -> Path | None:
    """Returns the file with a release's lists; None where it is gone or not as it was written."""
    try:
        record = releases.manifest(name).files[_LISTS]
        verify_file(releases.path(name) / _LISTS, record)
    except (IntegrityError, NotFound, KeyError):
        return None
    return releases.path(name) / _LISTS


def _new_since(night: Night, start_us: int) -> pl.LazyFrame:
    """Positive pairs whose first touch lies at or after the start: user_id, item_id."""
    touches = pl.scan_parquet(night.get("clean_events").table_path(CLEAN_EVENTS)).filter(
        pl.col("action") != "impression"
    )
    first = touches.group_by("user_id", "item_id").agg(pl.col("occurred_us").min())
    pairs = pl.scan_parquet(night.get("interactions").table_path(INTERACTIONS, "release"))
    positive = pairs.filter(pl.col("weight_micro") > 0).select("user_id", "item_id")
    new = first.filter(pl.col("occurred_us") >= start_us).drop("occurred_us")
    return new.join(positive, on=["user_id", "item_id"], how="semi")
