"""The export to a real redis-server, and the reader that other teams use."""

import json
import threading
from datetime import date

import numpy as np
import polars as pl
import pytest

from core.errors import CheckFailed, IntegrityError, MachineFault, NotFound, UsageError
from core.home import Home
from core.release_store import ReleaseStore
from core.release_writer import ReleasePlan, ReleaseWriter
from core.store import Plan, Store
from orchestration.cli import main
from serving import redis_export
from serving.builder import build_release
from serving.reader import open_release
from serving.redis_connection import connected, shown
from serving.redis_entries import VectorTable
from serving.redis_export import export
from serving.redis_keys import CURRENT, EXPORTS, key
from serving.redis_reader import follow_pointer
from tests.servers import RedisServer


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def client(redis_server):
    with connected(redis_server.url) as client:
        client.flushall()
        yield client


@pytest.fixture
def releases(tmp_path):
    return ReleaseStore(Home(tmp_path / "home").releases)


def sent(client, releases, release, vectors=(), **changed):
    wish = {"must_be_current": False, "grace_seconds": 60, **changed}
    return export(client, releases, release, list(vectors), **wish)


def check_equal(client, releases, release):
    """Holds everything in Redis against what the server's own reader gives."""
    found, opened = follow_pointer(client), open_release(releases.path(release))
    assert found.id == release
    n = 0
    for user, record in opened.user_records():
        name = user.decode()
        mine, theirs = found.user(name), opened.user(name)
        assert found.get("user", name) == record
        assert mine.rows(64) == theirs.rows(64)
        assert (mine.recent, mine.segments) == (theirs.recent, theirs.segments)
        n += 1
    for item, _ in opened.item_records():
        number = opened.item_num(item.decode())
        assert found.item_num(item.decode()) == number
        assert found.neighbours(item.decode()) == opened.neighbours.rows(number)
    for number, name in enumerate(opened.layout.segments):
        assert found.segment(name) == opened.segments.rows(number)
        reason = opened.fragment(opened.segment_fragment(number))
        assert found.get("segment_reason", name) == reason
    n_pieces = 0
    for item in range(opened.layout.n_items):
        assert found.get("head", str(item)) == opened.head(item)
        for reason in range(opened.n_reasons(item)):
            (fragment,) = opened.reason_fragments([item], [reason])
            assert found.get("reason", str(item), str(reason)) == opened.fragment(fragment)
            n_pieces += 1
    assert n_pieces == opened.layout.n_explanations
    assert n == opened.layout.n_users
    assert client.dbsize() >= found.n_keys
    opened.close()


def test_every_record_is_equal_and_reads_as_the_server_answers(client, releases, toy):
    release = toy.publish(releases.root, "1970-01-11", 1)
    done = sent(client, releases, release)
    assert (done.release, done.previous, done.expiring) == (release, None, [])
    check_equal(client, releases, release)
    found = follow_pointer(client)
    assert found.user("nobody") is None
    assert found.rows("nobody", 10) == []
    assert found.neighbours("nothing") == ([], [])
    first = found.rows("ann", 10)[0]
    assert first == {
        "item_id": "m2", "title": 'Say "Hi" \\ <b>', "rank": 1, "score": 1.0,
        "reason": {
            "type": "same_theme", "source_item_id": "m4", "text": 'Like "Amélie". #1',
            "origin": "template",
        },
    }  # fmt: skip
    assert [row["item_id"] for row in found.rows("zoë", 10)] == ["m5"]


def test_the_pointer_moves_and_the_previous_release_is_kept(client, releases, toy):
    names = [toy.publish(releases.root, f"1970-01-1{n}", n) for n in (1, 2, 3)]
    for name in names[:2]:
        sent(client, releases, name)
    reading = follow_pointer(client)
    done = sent(client, releases, names[2])
    assert (done.previous, done.expiring) == (names[1], [names[0]])
    assert reading.rows("ann", 3)[0]["reason"]["text"].endswith("#2")
    check_equal(client, releases, names[2])
    ages = {name: client.ttl(key(name, "user", "ann")) for name in names}
    assert 0 < ages[names[0]] <= 60
    assert (ages[names[1]], ages[names[2]]) == (-1, -1)
    assert 0 < client.ttl(key(names[0], "header")) <= 60
    again = sent(client, releases, names[2])
    assert (again.previous, again.expiring) == (names[1], [])
    back = sent(client, releases, names[0])  # one that was about to expire comes back whole
    assert back.expiring == [names[1]]
    check_equal(client, releases, names[0])
    assert client.ttl(key(names[0], "header")) == client.ttl(key(names[0], "user", "ann")) == -1


def test_a_reader_of_what_has_expired_is_told_so(client, releases, toy):
    release = toy.publish(releases.root, "1970-01-11", 1)
    with pytest.raises(NotFound, match="no release was exported"):
        follow_pointer(client)
    sent(client, releases, release)
    found = follow_pointer(client)
    for name in client.keys(key(release, "*")):
        client.delete(name)
    with pytest.raises(NotFound, match="follow the pointer again"):
        found.user("ann")
    with pytest.raises(NotFound, match="not whole"):
        follow_pointer(client)


def test_a_release_of_a_newer_format_is_refused(client, releases, toy):
    release = toy.publish(releases.root, "1970-01-11", 1)
    sent(client, releases, release)
    client.hset(key(release, "header"), "format", "2")
    with pytest.raises(IntegrityError, match="format 2 in Redis, this reader knows 1"):
        follow_pointer(client)


def test_only_what_stands_is_exported(client, releases, toy, monkeypatch):
    first = toy.publish(releases.root, "1970-01-11", 1)
    second = toy.publish(releases.root, "1970-01-12", 2)
    unknown = toy.publish(releases.root, "1970-01-13", 3, log=False)
    with pytest.raises(CheckFailed, match="does not stand"):
        sent(client, releases, unknown)
    with pytest.raises(CheckFailed, match=f"{second} is current now"):
        sent(client, releases, first, must_be_current=True)
    assert client.dbsize() == 0
    sent(client, releases, first)
    really_find = redis_export._check_found

    def rolled_back_meanwhile(*arguments):
        really_find(*arguments)
        releases.log.append("rollback", second, "1970-01-12", reason="bad")

    monkeypatch.setattr(redis_export, "_check_found", rolled_back_meanwhile)
    with pytest.raises(CheckFailed, match="does not stand"):
        sent(client, releases, second)
    check_equal(client, releases, first)


def test_a_rollback_in_the_moment_of_the_swap_takes_the_pointer_back(
    client, releases, toy, monkeypatch
):
    first = toy.publish(releases.root, "1970-01-11", 1)
    second = toy.publish(releases.root, "1970-01-12", 2)
    sent(client, releases, first)
    really_set = redis_export.compare_and_set
    calls = []

    def then_rolled_back(*arguments):
        really_set(*arguments)
        if not calls:
            releases.log.append("rollback", second, "1970-01-12", reason="bad")
        calls.append(arguments)

    monkeypatch.setattr(redis_export, "compare_and_set", then_rolled_back)
    with pytest.raises(CheckFailed, match="does not stand"):
        sent(client, releases, second)
    assert len(calls) == 2
    check_equal(client, releases, first)


def test_of_two_exports_at_once_the_later_pointer_is_not_overrun(
    client, releases, toy, monkeypatch
):
    names = [toy.publish(releases.root, f"1970-01-1{n}", n) for n in (1, 2)]
    really_find = redis_export._check_found

    def another_was_faster(*arguments):
        really_find(*arguments)
        monkeypatch.setattr(redis_export, "_check_found", really_find)
        sent(client, releases, names[1])

    monkeypatch.setattr(redis_export, "_check_found", another_was_faster)
    with pytest.raises(CheckFailed, match="another export moved the pointer"):
        sent(client, releases, names[0])
    check_equal(client, releases, names[1])


def test_keys_that_redis_dropped_are_missed_before_the_pointer_moves(
    client, releases, toy, monkeypatch
):
    release = toy.publish(releases.root, "1970-01-11", 1)
    really_write = redis_export._write

    def evicting(*arguments):
        done = really_write(*arguments)
        client.delete(key(release, "user", "bob"))
        return done

    monkeypatch.setattr(redis_export, "_write", evicting)
    with pytest.raises(IntegrityError, match=r"Redis has \d+ of the \d+ keys .*noeviction"):
        sent(client, releases, release)
    assert client.get(CURRENT) is None


def vector_table(folder, side, ids, vectors):
    path = folder / f"{side}s.parquet"
    pl.DataFrame({f"{side}_id": ids}).with_columns(
        pl.Series("vector", vectors, dtype=pl.Array(pl.Float32, vectors.shape[1]))
    ).write_parquet(path)
    return VectorTable("als", side, path)


def test_vectors_are_float32_with_their_dimension_in_the_header(client, releases, toy, tmp_path):
    release = toy.publish(releases.root, "1970-01-11", 1)
    rng = np.random.default_rng(3)
    users, items = (rng.standard_normal((n, 5), dtype=np.float32) for n in (25_000, 3))
    names = [f"u{n}" for n in range(25_000)]
    tables = [
        vector_table(tmp_path, "user", names, users),
        vector_table(tmp_path, "item", ["m1", "日:本", "m3"], items),
    ]
    sent(client, releases, release, tables)
    found = follow_pointer(client)
    assert found.vectors == {"als": {"dimension": 5, "n_users": 25_000, "n_items": 3}}
    for number in (0, 9_999, 10_000, 24_999):
        assert found.vector("als", "user", f"u{number}").tobytes() == users[number].tobytes()
    assert found.vector("als", "item", "日:本").tolist() == items[1].tolist()
    assert found.vector("two_tower", "user", "u1") is None
    check_equal(client, releases, release)


def test_a_vector_that_is_not_finite_is_refused(client, releases, toy, tmp_path):
    release = toy.publish(releases.root, "1970-01-11", 1)
    table = vector_table(tmp_path, "user", ["a"], np.array([[1, np.nan]], np.float32))
    with pytest.raises(IntegrityError, match="not 2 finite numbers"):
        sent(client, releases, release, [table])
    assert client.get(CURRENT) is None


def test_the_command_writes_the_embeddings_of_the_releases_own_lineage(
    client, redis_server, toy, tmp_path, capsys, monkeypatch
):
    monkeypatch.delenv("DAYBREAK_RELEASES__LOCATION", raising=False)
    home = Home(tmp_path / "home")
    release = toy.publish(home.releases, "1970-01-11", 1)
    store = Store(home.artefacts)

    def made(kind, inputs, vectors=None):
        plan = Plan(kind, "1970-01-11", inputs, {}, 1)
        staging = store.begin(plan)
        staging.write_json("n.json", 1)
        for model in ("als", "two_tower") if vectors is not None else ():
            for side in ("user", "item"):
                path = staging.file(f"{model}/{side}s.parquet")
                vector_table(path.parent, side, ["ann"], vectors)
        return store.commit(plan, staging).version

    def export_as_json():
        words = ["release", "export", "redis", "--url", redis_server.url]
        assert main([*words, "--home", str(home.root), "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    assert export_as_json()["vectors"] == []  # a home that only serves
    als, tower = made("als", {}), made("two_tower", {})
    other = made("als", {"folds": "x"})
    lists = made("lists", {"als": als, "two_tower": tower})
    made("embeddings", {"als": other, "two_tower": tower}, np.full((1, 2), 9, np.float32))
    made("embeddings", {"als": als, "two_tower": tower}, np.full((1, 2), 7, np.float32))
    writer = ReleaseWriter(ReleaseStore(home.releases))
    plan = ReleasePlan(as_of="1970-01-11", inputs={"lists": lists}, config={}, seed=5)
    staging = writer.begin(plan)
    build_release(staging, toy.tables().write(tmp_path), date(1970, 1, 11), n_shards=2)
    writer.commit(plan, staging)
    ReleaseStore(home.releases).log.append("publish", plan.version, "1970-01-11", reason="toy")
    done = export_as_json()
    assert (done["release"], done["previous"]) == (plan.version, release)
    assert done["vectors"] == ["als", "two_tower"]
    assert follow_pointer(client).vector("als", "user", "ann").tolist() == [7, 7]


def test_a_password_comes_from_the_environment_and_is_never_told(
    releases, toy, tmp_path, monkeypatch, capsys
):
    release = toy.publish(releases.root, "1970-01-11", 1)
    server = RedisServer(
        tmp_path, "--save", "", "--requirepass", "canary-of-a-password", "--maxmemory", "3mb"
    )
    try:
        with (
            pytest.raises(MachineFault, match="give REDIS_USERNAME and REDIS_PASSWORD"),
            connected(server.url) as client,
        ):
            sent(client, releases, release)
        monkeypatch.setenv("REDIS_PASSWORD", "canary-of-a-password")
        home = str(releases.root.parent)
        words = ["release", "export", "redis", "--url", server.url, "--home", home]
        assert main(words) == 0
        wrong = server.url.replace("://", "://:canary-of-another@")
        assert main([*words[:4], wrong, *words[5:]]) == 1
        told = capsys.readouterr()
        assert "canary" not in told.out + told.err
        assert "127.0.0.1" in told.err
        with connected(server.url) as client:  # no room: the pointer stays
            table = vector_table(
                tmp_path, "user", [f"u{n}" for n in range(20_000)], np.ones((20_000, 32), "f4")
            )
            second = toy.publish(releases.root, "1970-01-12", 2)
        with (
            pytest.raises(MachineFault, match="memory > 'maxmemory'") as raised,
            connected(server.url) as client,
        ):
            sent(client, releases, second, [table])
        assert ":user:" not in str(raised.value)
        with connected(server.url) as client:
            check_equal(client, releases, release)
    finally:
        server.kill()


def test_addresses_that_cannot_be_meant_are_refused_without_their_password(releases):
    with (
        pytest.raises(UsageError, match="no address of Redis") as raised,
        connected("http://a:b@c"),
    ):
        pass
    assert "a:b" not in str(raised.value)
    assert shown("redis://u:p@h:1/2") == "redis://h:1/2"


def test_what_tombstones_hide_is_not_exported_and_goes_from_earlier_exports(
    client, releases, toy, tmp_path
):
    first = toy.publish(releases.root, "1970-01-11", 1)
    second = toy.publish(releases.root, "1970-01-12", 2)
    names = ["ann", "bob", "x:user:bob"]
    table = vector_table(tmp_path, "user", names, np.ones((3, 2), "f4"))
    for name in (first, second):
        sent(client, releases, name, [table])
    releases.tombstones.erase("bob")
    releases.tombstones.opt_out("zoë")
    sent(client, releases, second, [table])
    left = {name for name in client.keys("*") if b"bob" in name or "zoë".encode() in name}
    assert left == {key(x, "vector", "als", "user", "x:user:bob") for x in (first, second)}
    found = follow_pointer(client)
    assert found.user("bob") is None
    assert found.rows("bob", 10) == []
    assert [row["item_id"] for row in found.rows("ann", 10)] == ["m2", "m1", "m3"]
    releases.tombstones.take_down("m4")  # the seed of ann's first row
    releases.tombstones.take_down("m1")
    sent(client, releases, second, [table])
    rows = follow_pointer(client).rows("ann", 10)
    assert [(row["rank"], row["item_id"]) for row in rows] == [(1, "m3")]


def test_readers_never_see_half_an_export(client, redis_server, releases, toy):
    names = [toy.publish(releases.root, f"1970-01-1{n}", n) for n in (1, 2)]
    texts = {names[0]: "#1", names[1]: "#2"}
    sent(client, releases, names[0])
    stop, seen, wrong = threading.Event(), set(), []

    def read():
        with connected(redis_server.url) as mine:
            while not stop.is_set():
                found = follow_pointer(mine)
                rows = found.rows("ann", 3)
                seen.add(found.id)
                if len(rows) != 3 or not all(
                    row["reason"]["text"].endswith(texts[found.id]) for row in rows
                ):
                    wrong.append(rows)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(10):
        sent(client, releases, names[(n + 1) % 2])
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert seen == set(names)
    assert set(client.hgetall(EXPORTS).values()) == {b"complete"}
