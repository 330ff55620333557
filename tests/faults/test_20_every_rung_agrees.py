"""Ten thousand askers of every rung: what the server answers and what plain code says.

The plain code reads the tables row by row and knows nothing of packed files; the cap on categories
is the pipeline's own rule.
"""

import http.client
import json
import sys
from contextlib import closing
from datetime import date
from urllib.parse import urlencode

import numpy as np
import polars as pl
import pytest

from assets.lists.rules import category_cap
from benchmarks.programs import Program, free_port
from core.home import Home
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from serving.builder import build_release
from tests.faults.test_20_training_and_serving_agree import tables

pytestmark = pytest.mark.faults
GENRES = ("Comedy", "Drama", "Noir")
K, DECAY, WEIGHT, NEIGHBOURS, MOST_ROWS = 10, 0.8, 0.5, 20, 64


def world(n_users):
    """Returns drawn lists of all lengths, with segments, tastes and categories."""
    draw = np.random.default_rng(21)
    base = tables(n_users)
    ids = base.items["item_id"].to_list()
    lengths = {f"u{n:06}": int(x) for n, x in enumerate(draw.choice([0, 1, 5, 30, 60], n_users))}
    keep = pl.col("user_id").replace_strict(lengths, return_dtype=pl.Int32)
    lists = base.lists.filter(pl.col("rank") <= keep)
    segments = {f"genre:{name}": draw.choice(ids, 12, replace=False) for name in GENRES}
    segments["trending"] = draw.choice(ids, 120, replace=False)
    tastes = [
        {"user_id": user, "preferences": list(draw.choice(GENRES, n % 3, replace=False))}
        for n, user in enumerate(lengths)
    ]
    near = {item: draw.choice(ids, 30, replace=False) for item in ids[::2]}
    categories = pl.Series("category", draw.choice(["A", "B", "C", None], len(ids)).tolist())
    return base.__class__(
        **{
            **vars(base),
            "lists": _as_published(lists, dict(zip(ids, categories, strict=True))),
            "items": base.items.with_columns(categories),
            "segment_lists": _ranked(base.segment_lists, "segment", "item_id", segments),
            "neighbour_lists": _ranked(base.neighbour_lists, "item_id", "neighbour_id", near),
            "users": pl.DataFrame(
                [{name: row.get(name) for name in base.users.columns} for row in tastes],
                schema=base.users.schema,
            ).with_columns(opted_out=pl.lit(False)),
        }
    )


def _as_published(lists, categories):
    """Returns lists that keep to the cap, as the pipeline's do."""
    at = _capped(lists["user_id"], lists["rank"], [categories[i] for i in lists["item_id"]])
    return lists[at].with_columns(lists["rank"], lists["score"])


def _capped(users, places, categories):
    """Returns the order of rows, given best first, by the pipeline's own rule."""
    numbers = {"A": 0, "B": 1, "C": 2}
    block = pl.DataFrame(
        {
            "user_num": pl.Series(users).rank("dense").cast(pl.Int32), "place": places,
            "at": range(len(categories)), "rule_category_cap": False,
            "category_num": [numbers.get(category, -1) for category in categories],
        },
        schema_overrides={"place": pl.Int32, "category_num": pl.Int32},
    )  # fmt: skip
    return category_cap(block, 0.3)["at"].to_list()


def _ranked(like, owner, member, lists):
    rows = [
        {owner: name, "rank": rank, member: item, "score": 50.0 - rank / 4}
        for name, items in sorted(lists.items())
        for rank, item in enumerate(items, 1)
    ]
    return pl.DataFrame(rows, schema=like.schema)


class Plain:
    """Answers from rows, one after the other."""

    def __init__(self, frames):
        self.items = {row["item_id"]: row for row in frames.items.iter_rows(named=True)}
        texts = {row["explanation_key"]: row for row in frames.explanations.iter_rows(named=True)}
        self.lists, self.segments, self.near, self.recent = {}, {}, {}, {}
        for row in frames.lists.sort("user_id", "rank").iter_rows(named=True):
            self.lists.setdefault(row["user_id"], []).append(
                (row["item_id"], "personal", texts[row["explanation_key"]]["text"])
            )
        for row in frames.segment_lists.sort("segment", "rank").iter_rows(named=True):
            self.segments.setdefault(row["segment"], []).append(row["item_id"])
        for row in frames.neighbour_lists.sort("item_id", "rank").iter_rows(named=True):
            self.near.setdefault(row["item_id"], []).append(row["neighbour_id"])
        for row in frames.recent_items.iter_rows(named=True):
            self.recent.setdefault(row["user_id"], set()).add(row["item_id"])
        self.tastes = {row["user_id"]: row["preferences"] for row in frames.users.to_dicts()}

    def lower(self, user, genres):
        """The segments' rows in turn, then what is trending."""
        for place in range(12):
            for name in genres or self.tastes.get(user, ()):
                text = f"Popular in {name}."
                yield self.segments[f"genre:{name}"][place], "segment", text
        for item in self.segments["trending"]:
            yield item, "trending", "Trending now."

    def answer(self, user, count, genres, session):
        seeds = list(dict.fromkeys(reversed(session)))
        taken = {*self.recent.get(user, ()), *seeds}
        mine = self.lists.get(user, [])[:MOST_ROWS]
        if seeds:
            rows = self.blended(mine, self.lower(user, genres), seeds, taken)
            return self.capped(self.left(rows, taken))[:count]
        shown = self.capped(self.left(mine, taken))
        return self.left([*shown, *self.lower(user, genres)], taken)[:count]

    def left(self, rows, taken):
        """The first row of each item that may be shown."""
        kept = {}
        for row in rows:
            if row[0] not in taken and self.items[row[0]]["available_until_us"] is None:
                kept.setdefault(row[0], row)
        return list(kept.values())

    def blended(self, mine, lower, seeds, taken):
        rest = self.left(lower, taken)
        words = {row[0]: row for row in rest}
        base = [item for item, *_ in mine] or list(words)[:MOST_ROWS]
        total = {item: (1 - WEIGHT) * (1 / (K + p)) for p, item in enumerate(base, 1)}
        factor, proposed = WEIGHT, {}
        for j, seed in enumerate(seeds):
            for p, item in enumerate(self.near.get(seed, ())[:NEIGHBOURS], 1):
                total[item] = total.get(item, 0.0) + factor * (1 / (K + p))
                proposed.setdefault(item, []).append((-(DECAY**j) / (K + p), j, seed))
            factor *= DECAY
        for item, found in proposed.items():
            title = self.items[min(found)[2]]["title"]
            words[item] = (item, "session", f"Because you just looked at {title}.")
        words |= {row[0]: row for row in mine}
        fused = [words[item] for item in sorted(total, key=total.get, reverse=True)]
        return [*fused, *(row for row in rest if row[0] not in total)]

    def capped(self, rows):
        categories = [self.items[item]["category"] for item, *_ in rows]
        order = _capped([0] * len(rows), range(1, len(rows) + 1), categories)
        return [rows[at] for at in order]


def asked(draw, n_users, ids):
    """Yields askers of every kind."""
    while True:
        user = f"u{draw.integers(0, n_users):06}" if draw.random() < 0.8 else "a stranger"
        genres = list(draw.choice(GENRES, draw.integers(0, 3), replace=False))
        session = list(draw.choice(ids, draw.integers(0, 4), replace=False))
        yield user, int(draw.integers(1, 51)), genres, session if draw.random() < 0.5 else []


def test_ten_thousand_askers_read_what_the_tables_say(tmp_path, trials):
    n_users, n_asked = trials(300, 5_000), trials(300, 10_000)
    frames = world(n_users)
    home = Home(tmp_path / "home")
    releases = ReleaseStore(home.releases)
    inputs = frames.write(tmp_path)
    plan = ReleasePlan("1970-01-11", {}, {}, 1)
    ReleaseWriter(releases).make(
        plan, lambda staging: build_release(staging, inputs, date(1970, 1, 11), n_shards=3)
    )
    releases.log.append("publish", plan.version, "1970-01-11", reason="test")
    plain, port, rungs = Plain(frames), free_port(), {}
    askers = asked(np.random.default_rng(22), n_users, frames.items["item_id"].to_list())
    settings = {
        "DAYBREAK_LIMITS__USER_RATE": "0",
        "DAYBREAK_SERVING__SESSION_WEIGHT": str(WEIGHT),
        "DAYBREAK_INTAKE__IMPRESSIONS": "false",
    }
    command = [sys.executable, "-m", "serving", "--home", str(home.root), "--port", str(port)]
    with (
        Program(command, port, tmp_path / "log", ready="/readyz", environment=settings),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection,
    ):
        for _ in range(n_asked):
            user, count, genres, session = next(askers)
            query = {"user_id": user, "count": count, "genres": ",".join(genres)}
            connection.request(
                "GET", f"/v1/recommendations?{urlencode(query | {'session': ','.join(session)})}"
            )
            rows = json.load(connection.getresponse())["items"]
            found = [(row["item_id"], row["rung"], row["reason"]["text"]) for row in rows]
            wanted = plain.answer(user, count, genres, session)
            assert found == wanted, (user, count, genres, session)
            for _, rung, _ in wanted:
                rungs[rung] = rungs.get(rung, 0) + 1
    print(f"{n_asked} askers, rows by rung: {rungs}")
    assert set(rungs) == {"personal", "session", "segment", "trending"}
