"""What the inspector's page is told: every shape written out whole, for the toy world."""

import asyncio
import gc
import json
import sys
import weakref
from typing import ClassVar

import polars as pl
import pytest
from starlette.applications import Starlette

from core.home import Home
from core.release_store import ReleaseStore
from serving import tombstone_commands as commands
from serving.current_release import CurrentRelease
from serving.open_releases import OpenReleases
from serving.web.application import shared_memory
from serving.web.asgi_adapter import respond
from serving.web.callers import ANYONE
from serving.web.inspector.beside import Beside
from serving.web.inspector.routes import Inspector
from serving.web.inspector.why_records import why_record
from serving.web.metrics import Metrics
from serving.web.pages import build_pages
from tests.serving.intake.conftest import Intake, line

HEAT = {"item_id": "m1", "title": "Heat", "category": None, "is_taken_down": False}
AMELIE = {"item_id": "m4", "title": "Amélie", "category": None, "is_taken_down": False}


class Asked:
    """One request, and the response to it, as granian has them."""

    method, scheme, http_version, client = "GET", "http", "1.1", "127.0.0.1:1"
    headers: ClassVar[dict[str, str]] = {}

    def __init__(self, path):
        self.path, _, self.query_string = path.partition("?")

    async def __call__(self):
        return b""

    def response_bytes(self, status, headers, body):
        self.status, self.sent, self.body = status, dict(headers), body


class Inspected:
    """A home, its pages, and what they answer."""

    def __init__(self, root, weight=0.5):
        self.home = Home(root)
        self.releases, opened = ReleaseStore(self.home.releases), OpenReleases()
        self.current = CurrentRelease(
            self.releases, poll_seconds=1, retry_seconds=60, opened=opened
        )
        shared = shared_memory(1)
        self.metrics = Metrics(shared, shared.claim_row())
        self.intake = Intake(self.home)
        self.recent = self.intake.reader(lambda: self.current.tombstones)
        inspector = Inspector(
            self.current, self.releases, opened, self.metrics, self.recent, weight
        )
        self.app: Starlette = build_pages(self.current, self.metrics, lambda: None, inspector)

    def ask(self, path):
        asked = Asked(path)
        asyncio.run(respond(self.app, asked, asked, ANYONE))
        return asked

    def get(self, path):
        asked = self.ask("/inspector/" + path)
        assert (asked.status, asked.sent["content-type"]) == (200, "application/json"), asked.body
        return json.loads(asked.body)

    def problem(self, path):
        asked = self.ask("/inspector/" + path)
        document = json.loads(asked.body)
        assert asked.sent["content-type"] == "application/problem+json"
        assert document["status"] == asked.status
        return asked.status, document["detail"]


@pytest.fixture
def inspected(tmp_path, toy):
    """Two releases; the older has other sentences, and another list for ann."""
    tables = toy.tables(" #1")
    lists = tables.lists.filter((pl.col("user_id") != "ann") | (pl.col("item_id") != "m2"))
    ranked = pl.col("rank").rank("ordinal").over("user_id").cast(pl.Int32)
    older = toy.replace(tables, lists=lists.with_columns(rank=ranked))
    home = Home(tmp_path)
    first = toy.publish(home.releases, "1970-01-11", 1, older)
    second = toy.publish(home.releases, "1970-01-12", 2)
    found = Inspected(tmp_path)
    found.current.refresh()
    found.first, found.second = first, second
    return found


def row(item, title, rank, score, text, *, rung="personal", other=None, reason="popular", **more):
    return {
        "item_id": item, "title": title, "rank": rank, "score": score, "rung": rung,
        "reason": {"type": reason, "source_item_id": None, "text": text, "origin": "template"}
        | more, "category": None, "other_rank": other,
    }  # fmt: skip


def test_the_head_tells_what_is_served_and_what_is_kept(inspected):
    inspected.metrics.add("daybreak_answers", "segment", n=7)
    told = inspected.get("release")
    assert 0 <= told.pop("age_seconds") < 600
    first, second = inspected.releases.log.entries()
    assert told == {
        "release": inspected.second, "as_of": "1970-01-12", "published_at": second.at,
        "is_stale": False, "n_users": 5, "n_items": 7, "n_explanations": 8,
        "genres": ["Comedy", "Drama"],
        "answers": {"personal": 0, "session": 0, "segment": 7, "trending": 0},
        "others": [
            {
                "release": inspected.first, "as_of": "1970-01-11", "at": first.at,
                "status": "published",
            }
        ],
    }  # fmt: skip


def test_a_release_of_two_days_ago_is_stale(inspected, monkeypatch):
    late = inspected.current.served.published_at + 2 * 86_400
    monkeypatch.setattr("serving.current_release.time.time", lambda: late)
    assert inspected.get("release")["is_stale"]


def test_users_and_items_are_found_by_how_their_ids_begin(inspected):
    assert inspected.get("search?prefix=zo%C3%AB") == {
        "prefix": "zoë", "users": [{"user_id": "zoë", "n_rows": 1, "n_recent": 0}],
        "more_users": False, "items": [], "more_items": False,
    }  # fmt: skip
    assert [x["user_id"] for x in inspected.get("search?prefix=")["users"]] == [
        "ann", "bob", "cat", "rex", "zoë",
    ]  # fmt: skip
    found = inspected.get("search?prefix=m")
    assert [x["item_id"] for x in found["items"]] == ["m1", "m2", "m3", "m4", "m5"]
    assert found["more_items"]
    assert found["users"] == []
    assert inspected.get("search?prefix=m4")["items"] == [AMELIE]
    for nothing in ("x", "ann2", "Ann", "m8", "%F4%8F%BF%BF"):
        found = inspected.get("search?prefix=" + nothing)
        assert (found["users"], found["items"]) == ([], [])


def test_at_most_twenty_users_are_found(tmp_path, toy):
    tables = toy.tables()
    ann = tables.users.filter(pl.col("user_id") == "ann")
    many = pl.concat([ann.with_columns(user_id=pl.lit(f"u{n:03}")) for n in range(30)])
    world = toy.replace(tables, users=pl.concat([tables.users, many]).sort("user_id"))
    inspected = Inspected(tmp_path)
    toy.publish(inspected.home.releases, "1970-01-11", 1, world)
    inspected.current.refresh()
    found = inspected.get("search?prefix=u0")
    assert [x["user_id"] for x in found["users"]] == [f"u{n:03}" for n in range(20)]
    assert found["more_users"]
    commands.erase(inspected.home, "u001")
    inspected.current.refresh()
    found = inspected.get("search?prefix=u0")
    assert [x["user_id"] for x in found["users"]] == ["u000", *(f"u{n:03}" for n in range(2, 21))]
    assert inspected.get("search?prefix=u001")["users"] == []


def test_a_user_has_last_items_and_the_list_that_is_served(inspected):
    told = inspected.get("user?user_id=ann&count=4")
    assert 0 <= told.pop("age_seconds") < 600
    assert told == {
        "user_id": "ann",
        "seen": [],
        "recent": [AMELIE],
        "segments": ["genre:Comedy"],
        "list": {
            "release": inspected.second, "is_known": True, "rung": "personal",
            "items": [
                row("m2", 'Say "Hi" \\ <b>', 1, 1.0, 'Like "Amélie". #2', other=1,
                    reason="same_theme", type="same_theme", source_item_id="m4"),
                row("m1", "Heat", 2, 0.75, "Many like m1. #2", other=2),
                row("m3", None, 3, 0.5, "Many like m3. #2", other=3),
                row("m5", "日本", 4, 95.0, "Trending now.", rung="trending", other=4,
                    reason="trending"),
            ],
        },
    }  # fmt: skip


def test_the_list_is_what_everyone_else_is_answered(inspected):
    """To the byte, but for the two fields that the inspector adds."""
    from core.settings import load_settings
    from serving.intake.impressions import ImpressionLog
    from serving.web.limits import Limits
    from serving.web.recommend import Recommend

    settings = load_settings()
    quiet = settings.limits.model_copy(update={"user_rate": 0.0})
    limits = Limits(shared_memory(1), quiet, inspected.metrics)
    intake = inspected.intake
    impressions = ImpressionLog(inspected.home, 0, intake.settings)
    hot = Recommend(
        inspected.current, settings.serving, limits, inspected.metrics, inspected.recent,
        impressions,
    )  # fmt: skip
    intake.post([line("e1", "rex", "m4"), line("e2", "zoë", "m1"), line("e3", "zoë", "m5", "hide")])
    queries = (
        "ann", "ann&session=m1", "bob&count=1", "x&genres=drama", "rex&session=m1,m4,m9", "rex",
        "zo%C3%AB",
    )  # fmt: skip
    for query in queries:
        asked = Asked("/v1/recommendations?user_id=" + query)
        hot(asked, asked, ANYONE)
        shown = inspected.get("user?user_id=" + query)["list"]
        for item in shown["items"]:
            del item["category"], item["other_rank"]
        answer = json.loads(asked.body)
        assert (answer["items"], answer["rung"]) == (shown["items"], shown["rung"])


def test_a_session_shows_what_it_changes(inspected):
    shown = inspected.get("user?user_id=ann&count=3&session=m1")["list"]
    assert [(x["item_id"], x["rank"], x["other_rank"], x["rung"]) for x in shown["items"]] == [
        ("m2", 1, 1, "personal"), ("m3", 2, 3, "personal"), ("m5", 3, None, "trending"),
    ]  # fmt: skip
    shown = inspected.get("user?user_id=nobody&count=2&genres=drama")["list"]
    assert [(x["item_id"], x["other_rank"]) for x in shown["items"]] == [("m5", None), ("m4", None)]


def test_what_the_intake_saw_stands_first_and_leaves_the_list(inspected):
    inspected.intake.post([line("e1", "ann", "m9"), line("e2", "ann", "m1")])
    told = inspected.get("user?user_id=ann&count=3")
    assert (told["seen"], told["recent"]) == ([HEAT], [AMELIE])
    assert [(x["item_id"], x["other_rank"]) for x in told["list"]["items"]] == [
        ("m2", 1), ("m3", 2), ("m5", 3),
    ]  # fmt: skip


@pytest.mark.parametrize("how", ["opt out", "erase"])
def test_who_is_hidden_is_a_stranger_everywhere(inspected, how):
    stranger = inspected.get("user?user_id=nobody")
    inspected.intake.post([line("e1", "ann", "m1")])
    assert inspected.get("user?user_id=ann")["seen"] == [HEAT]
    {"opt out": commands.opt_out, "erase": commands.erase}[how](inspected.home, "ann")
    inspected.current.refresh()
    inspected.recent.forget(inspected.current.tombstones)
    ann = inspected.get("user?user_id=ann")
    assert ann.pop("age_seconds") - stranger.pop("age_seconds") >= 0
    assert ann | {"user_id": "nobody"} == stranger
    assert (ann["seen"], ann["recent"], ann["segments"]) == ([], [], [])
    assert ann["list"]["is_known"] is False
    assert inspected.get("search?prefix=ann")["users"] == []
    assert inspected.get("why?user_id=ann&item_id=m2")["record"] is None
    both = inspected.get(f"compare?user_id=ann&other={inspected.first}")
    assert [both[side]["is_known"] for side in ("before", "after")] == [False, False]
    assert {x["rung"] for side in ("before", "after") for x in both[side]["items"]} == {"trending"}


def test_why_an_item_is_on_a_list(inspected):
    assert inspected.get("why?user_id=ann&item_id=m2") == {
        "release": inspected.second, "user_id": "ann", "item_id": "m2",
        "record": {
            "rank": 1, "score": 1.0, "stage": "full", "sources": ["als"],
            "source_scores": {"als": 1.0}, "seed_item_id": None, "seed_contribution": None,
            "ranker_score": None, "rules": [], "reason_type": "same_theme",
            "explanation_key": "ann-m2 #2",
        },
        "seed": None,
    }  # fmt: skip
    for user, item in (("ann", "m5"), ("zo%C3%AB", "m1"), ("nobody", "m1"), ("rex", "m1")):
        assert inspected.get(f"why?user_id={user}&item_id={item}")["record"] is None


def test_a_why_record_names_its_seed(tmp_path, toy):
    tables = toy.tables()
    rules = pl.Series([["category_cap"]], dtype=pl.List(pl.String))
    lists = tables.lists.with_columns(
        seed_item_id=pl.lit("m4"), seed_contribution=pl.lit(0.25), ranker_score=pl.lit(0.5),
        rules=pl.lit(rules).first(),
    )  # fmt: skip
    inspected = Inspected(tmp_path)
    toy.publish(inspected.home.releases, "1970-01-11", 1, toy.replace(tables, lists=lists))
    inspected.current.refresh()
    told = inspected.get("why?user_id=bob&item_id=m1")
    assert told["seed"] == AMELIE
    assert [told["record"][x] for x in ("seed_contribution", "ranker_score", "rules")] == [
        0.25, 0.5, ["category_cap"],
    ]  # fmt: skip


def test_a_why_record_is_found_in_any_row_group(tmp_path, monkeypatch, toy):
    monkeypatch.setattr("core.tables.ROW_GROUP", 2)
    tables = toy.tables()
    ReleaseStore(tmp_path)
    folder = ReleaseStore(tmp_path).path(toy.publish(tmp_path, "1970-01-11", 1, tables))
    for user, item, rank in tables.lists.select("user_id", "item_id", "rank").iter_rows():
        assert why_record(folder, user, item).rank == rank
    assert why_record(folder, "zzz", "m1") is None


def test_a_table_that_is_not_the_releases_is_not_shown(inspected):
    table = inspected.releases.path(inspected.second) / "tables" / "lists.parquet"
    whole = table.read_bytes()
    middle = len(whole) // 2
    for harmed in (whole[:-1], whole[:middle] + b"\0X" + whole[middle + 2 :], None):
        table.unlink()
        if harmed is not None:
            table.write_bytes(harmed)
        assert inspected.problem("why?user_id=ann&item_id=m2") == (
            500,
            "tables/lists.parquet can't be read (it is not what its manifest says); restore it",
        )
        table.write_bytes(whole)
    assert inspected.get("why?user_id=ann&item_id=m2")["record"]["rank"] == 1


def test_without_pyarrow_the_page_is_told_so(inspected, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert inspected.problem("why?user_id=ann&item_id=m2") == (
        501,
        "why-records are read with pyarrow, which is not installed beside this server; ask "
        "`daybreak why USER ITEM` where it is",
    )


def test_two_releases_beside_each_other(inspected):
    told = inspected.get(f"compare?user_id=ann&count=3&other={inspected.first}")
    assert told == {
        "user_id": "ann",
        "before": {
            "release": inspected.first, "is_known": True, "rung": "personal",
            "items": [
                row("m1", "Heat", 1, 0.75, "Many like m1. #1", other=2),
                row("m3", None, 2, 0.5, "Many like m3. #1", other=3),
                row("m2", 'Say "Hi" \\ <b>', 3, 98.0, "Popular in Comedy.", rung="segment",
                    other=1, reason="popular_in_genre"),
            ],
        },
        "after": {
            "release": inspected.second, "is_known": True, "rung": "personal",
            "items": [
                row("m2", 'Say "Hi" \\ <b>', 1, 1.0, 'Like "Amélie". #2', other=3,
                    reason="same_theme", type="same_theme", source_item_id="m4"),
                row("m1", "Heat", 2, 0.75, "Many like m1. #2", other=1),
                row("m3", None, 3, 0.5, "Many like m3. #2", other=2),
            ],
        },
    }  # fmt: skip


@pytest.mark.parametrize("name", ["", "..", "../log", "1970-01-11.000000", "%00", "a/b"])
def test_only_kept_releases_are_opened(inspected, name):
    status, said = inspected.problem(f"compare?user_id=ann&other={name}")
    assert (status, "is not kept here" in said) == (404, True)


def test_the_served_and_the_retired_are_not_held_beside(inspected):
    assert inspected.problem(f"compare?user_id=ann&other={inspected.second}")[0] == 404
    inspected.releases.log.append("retire", inspected.first, "1970-01-11", reason="test")
    assert inspected.problem(f"compare?user_id=ann&other={inspected.first}")[0] == 404
    assert inspected.get("release")["others"] == []


def test_a_damaged_release_is_not_held_beside(inspected):
    path = inspected.releases.path(inspected.first) / "segments.items"
    path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    status, said = inspected.problem(f"compare?user_id=ann&other={inspected.first}")
    assert (status, "other bytes than its manifest says" in said) == (500, True)


def test_what_is_held_beside_can_be_served_the_next_moment(inspected):
    """A rollback to it must not find its files open already."""
    inspected.get(f"compare?user_id=ann&other={inspected.first}")
    inspected.releases.log.append("rollback", inspected.second, "1970-01-12", reason="test")
    inspected.current.refresh()
    assert inspected.current.refused == {}
    assert inspected.get("user?user_id=ann")["list"]["release"] == inspected.first
    told = inspected.get(f"compare?user_id=ann&other={inspected.second}")
    assert [told[side]["release"] for side in ("before", "after")] == [
        inspected.second, inspected.first,
    ]  # fmt: skip
    assert [x["status"] for x in inspected.get("release")["others"]] == ["barred"]


def test_takedowns_hold_in_the_other_release_too(inspected):
    commands.take_down(inspected.home, "m1", force=True)
    inspected.current.refresh()
    told = inspected.get(f"compare?user_id=ann&other={inspected.first}")
    assert "m1" not in {x["item_id"] for side in ("before", "after") for x in told[side]["items"]}


def test_an_item_has_neighbours(inspected):
    assert inspected.get("item?item_id=m1") == {
        "release": inspected.second, "item": HEAT, "is_available": True,
        "neighbours": [
            {"item_id": "m2", "title": 'Say "Hi" \\ <b>', "rank": 1, "score": 99.0},
            {"item_id": "m3", "title": None, "rank": 2, "score": 97.0},
        ],
        "command": "daybreak takedown m1",
    }  # fmt: skip
    assert inspected.get("item?item_id=m6")["is_available"] is False
    assert inspected.problem("item?item_id=m0") == (
        404, f"item 'm0' is not in release {inspected.second}",
    )  # fmt: skip


def test_a_takedown_is_shown_before_it_is_done(inspected):
    """m4 is on none of ann's rows; but the reason of the first names it."""
    told = inspected.get("takedown?user_id=ann&item_id=m4&count=3")
    assert (told["item"], told["command"]) == (AMELIE, "daybreak takedown m4")
    assert told["lists"]["user_id"] == "ann"
    ranks = {
        side: [(x["item_id"], x["rung"], x["other_rank"]) for x in told["lists"][side]["items"]]
        for side in ("before", "after")
    }
    assert ranks == {
        "before": [("m2", "personal", 3), ("m1", "personal", 1), ("m3", "personal", 2)],
        "after": [("m1", "personal", 2), ("m3", "personal", 3), ("m2", "segment", 1)],
    }
    assert inspected.releases.tombstones.last_seq() == 0
    assert inspected.current.served.release.taken_down == frozenset()
    commands.take_down(inspected.home, "m4", force=True)
    inspected.current.refresh()
    done = inspected.get("user?user_id=ann&count=3")["list"]["items"]
    expected = told["lists"]["after"]["items"]
    assert [x | {"other_rank": 0} for x in done] == [x | {"other_rank": 0} for x in expected]
    page = inspected.get("item?item_id=m4")
    assert (page["item"], page["command"]) == (
        AMELIE | {"is_taken_down": True}, "daybreak takedown --undo m4",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("item", "command"),
    [
        ("-x", "daybreak takedown -- -x"),
        ("a b", "daybreak takedown 'a b'"),
        ("$(reboot)", "daybreak takedown '$(reboot)'"),
        ("it's", """daybreak takedown 'it'"'"'s'"""),
    ],
)
def test_a_command_can_be_typed_as_it_stands(item, command):
    from serving.web.inspector.items import takedown_command

    assert takedown_command(item) == command


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("user", 400), ("user?user_id=", 400), ("user?user_id=ann&count=51", 400),
        ("user?user_id=%FF", 400), ("user?user_id=ann&user_id=bob", 400), ("why?user_id=ann", 400),
        ("why?item_id=m1", 400), ("item", 400), ("item?item_id=" + "x" * 257, 400),
        ("search?prefix=" + "x" * 257, 400), ("takedown?user_id=ann", 400),
        ("takedown?user_id=ann&item_id=m0", 404), ("compare?user_id=ann", 404), ("nothing", 404),
    ],
)  # fmt: skip
def test_bad_requests_are_told(inspected, path, status):
    assert inspected.problem(path)[0] == status


def test_before_the_first_release_there_is_nothing_to_show(tmp_path):
    inspected = Inspected(tmp_path)
    for path in ("release", "search?prefix=", "user?user_id=ann", "item?item_id=m1",
                 "why?user_id=ann&item_id=m1", "compare?user_id=ann&other=x"):  # fmt: skip
        assert inspected.problem(path)[0] == 503
    assert inspected.ask("/").status == 200


def test_the_page_loads_from_here_alone(inspected):
    kinds = {"/": "text/html", "/inspector.js": "text/javascript", "/inspector.css": "text/css"}
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    for path, kind in kinds.items():
        asked = inspected.ask(path)
        assert asked.status == 200
        assert asked.sent["content-type"] == f"{kind}; charset=utf-8"
        assert asked.sent["content-security-policy"] == policy
        text = asked.body.decode()
        assert "style=" not in text
        assert "innerHTML" not in text
        assert "insertAdjacentHTML" not in text
        links = text.replace("http://www.w3.org/2000/svg", "")
        assert "http://" not in links
        assert "https://" not in links
    assert inspected.ask("/").body.count(b"<script") == 1


def test_one_release_is_kept_beside_until_it_is_let_go(tmp_path, toy):
    names = [toy.publish(tmp_path, f"1970-01-1{n}", n) for n in range(1, 4)]
    releases, opened = ReleaseStore(tmp_path), OpenReleases()
    beside = Beside(releases, opened)
    first = weakref.ref(beside.open(names[0], names[2]))
    assert beside.open(names[0], names[2]) is first()
    second = weakref.ref(beside.open(names[1], names[2]))
    gc.collect()
    assert (first(), second().id) == (None, names[1])
    beside.close()
    gc.collect()
    assert second() is None
