"""FAULTS row 9: whatever happens to the files of a release, and whoever asks, there is an answer.

What is promised of a server's own files, in its home: it maps them once, verified. Deleting them or
putting others in their place (`os.replace`) takes nothing from a server that holds them; the next
start refuses them, and the next best release stands. Cutting off a mapped file in place ends the
worker that reads beyond its end (SIGBUS): requests in flight on it fail, its successor refuses the
release. Bytes overwritten in place under a running server are not noticed before its next start:
nothing but Daybreak may write there, and Daybreak never does. What others share and may damage, the
location, is copied and verified before it is served.
"""

import json
import random
import shutil

import polars as pl
import pytest

from core.errors import DaybreakError
from core.home import Home
from core.release_store import ReleaseStore
from serving.reader import open_release
from serving.tombstone_commands import take_down
from tests.faults.asking import Asker, fault, ready
from tests.faults.test_02_corruption_is_caught import missing, one_bit, truncated
from tests.serving.conftest import publish_toy, toy_tables
from tests.serving.web.test_server import RunningServer

pytestmark = pytest.mark.faults

N_ITEMS = 200
MAX_COUNT = 50
ITEMS = [f"i{number:03}" for number in range(N_ITEMS)]
RECENT = ITEMS[:10]
DOWN = ITEMS[5:25:4]
USERS = {"full": 64, "few": 3, "one": 1}
"""Users and the lengths of their lists; each has touched RECENT."""
PATHS = [
    *(f"/v1/recommendations?user_id={user}&count=10" for user in (*USERS, "unknown")),
    "/v1/recommendations?user_id=one&count=50&genres=drama",
    "/v1/recommendations?user_id=full&count=50&session=i100,i101",
]


def large_enough(suffix=""):
    """Returns tables of which fifty items are left to everyone, whatever is taken away."""
    toy = toy_tables(suffix)
    item = toy.items.row(0, named=True)
    explanation = toy.explanations.row(0, named=True)
    row = toy.lists.row(0, named=True)
    segment, recent = toy.segment_lists.row(0, named=True), toy.recent_items.row(0, named=True)

    def frame(like, rows):
        return pl.DataFrame(rows, schema=like.schema)

    return type(toy)(
        items=frame(toy.items, [{**item, "item_id": x, "title": f"Title {x}"} for x in ITEMS]),
        explanations=frame(toy.explanations, [
            {**explanation, "explanation_key": x, "target_item_id": x, "text": f"{x}.{suffix}"}
            for x in ITEMS
        ]),
        lists=frame(toy.lists, [
            {**row, "user_id": user, "rank": rank, "item_id": ITEMS[9 + rank],
             "item_num": 9 + rank, "explanation_key": ITEMS[9 + rank],
             "reason_type": "popular", "reason_num": 0, "score": 2.0 - rank / 100}
            for user, n_rows in sorted(USERS.items()) for rank in range(1, n_rows + 1)
        ]),
        segment_lists=frame(toy.segment_lists, [
            {**segment, "segment": name, "rank": rank, "item_id": x, "score": 300.0 - rank}
            for name in ("genre:Drama", "trending")
            for rank, x in enumerate(ITEMS[: 60 if name == "genre:Drama" else N_ITEMS], 1)
        ]),
        neighbour_lists=frame(toy.neighbour_lists, [
            {"item_id": ITEMS[n], "rank": rank, "neighbour_id": ITEMS[n + rank],
             "score": 1.0 - rank / 50}
            for n in range(N_ITEMS - 20) for rank in range(1, 20)
        ]),
        recent_items=frame(toy.recent_items, [
            {**recent, "user_id": user, "rank": rank, "item_id": x}
            for user in sorted((*USERS, "new")) for rank, x in enumerate(RECENT, 1)
        ]),
        users=frame(toy.users, [
            {**toy.users.row(0, named=True), "user_id": "preferring", "preferences": ["Drama"],
             "opted_out": False},
        ]),
    )  # fmt: skip


@pytest.fixture
def home(tmp_path):
    """A home with two releases, the second one current, and five items taken down."""
    home = Home(tmp_path / "home")
    for number in (1, 2):
        publish_toy(home.releases, f"1970-01-1{number}", number, large_enough(f" #{number}"))
    for item in DOWN:
        take_down(home, item)
    return home


@pytest.fixture
def names(home):
    return [entry.release for entry in ReleaseStore(home.releases).log.entries()]


def stopped(server):
    code, _, errors = server.stop()
    assert code == 0, errors
    return errors


def test_everyone_gets_as_many_valid_items_as_asked_for(home, names, trials):
    server = ready(home)
    rungs = {}
    try:
        for user in (*USERS, "new", "preferring", "unknown", "🌅/..", "a" * 256):
            hidden = frozenset(DOWN) | frozenset(RECENT if user in (*USERS, "new") else ())
            for more in ("", "&genres=drama", "&genres=none", "&session=i100,i101"):
                seen = frozenset(("i100", "i101") if "session" in more else ())
                for count in trials((1, 2, 10, 49, MAX_COUNT), range(1, MAX_COUNT + 1)):
                    path = f"/v1/recommendations?user_id={user}&count={count}{more}"
                    response = server.get(_quoted(path))
                    answer = json.loads(response.body)
                    assert response.status == 200, answer
                    assert fault(answer, count, hidden | seen) == "", path
                    assert answer["release"] == names[-1]
                    if not more:
                        rungs[user] = answer["rung"]
    finally:
        stopped(server)
    assert rungs == {
        "full": "personal", "few": "personal", "one": "personal", "new": "trending",
        "preferring": "segment", "unknown": "trending", "🌅/..": "trending",
        "a" * 256: "trending",
    }  # fmt: skip


def _quoted(path):
    return path.replace("🌅", "%F0%9F%8C%85")


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_files_that_vanish_or_change_take_nothing_from_a_server_that_holds_them(
    home, names, tmp_path, trials
):
    """Each file in turn; then a new start, where the next best release stands."""
    folder, kept = ReleaseStore(home.releases).path(names[-1]), tmp_path / "kept"
    shutil.copytree(folder, kept)
    draw, n_answers, restarts = random.Random(9), 0, {}
    files = [path.relative_to(folder) for path in files_of(folder)]
    harms = (missing, one_bit, truncated)
    server = ready(home)
    asker = Asker(server.port, PATHS, pause_seconds=0)
    asker.start()
    try:
        for harm in harms:
            for name in files:
                harm(folder / name, draw)
                asker.wait_for(len(PATHS))
                put_back(kept / name, folder / name)
        shutil.rmtree(folder)  # and all of them at once
        asker.wait_for(20 * len(PATHS))
        shutil.copytree(kept, folder)
    finally:
        asker.end()
        stopped(server)
    n_answers += asker.statuses.total()
    assert set(asker.statuses) == {200}
    assert {name for name, _ in asker.answers} == {names[-1]}
    cases = [(harm, name) for harm in harms for name in files]
    for harm, name in trials(draw.sample(cases, 3), cases):
        harm(folder / name, draw)
        expected = names[-1] if holds(folder) else names[0]
        server = ready(home)
        for path in PATHS:
            response = server.get(path)
            answer = json.loads(response.body)
            count = 50 if "count=50" in path else 10
            assert (response.status, answer["release"]) == (200, expected), (harm, name)
            assert fault(answer, count, frozenset(DOWN)) == ""
            n_answers += 1
        stopped(server)
        restarts[expected] = restarts.get(expected, 0) + 1
        put_back(kept / name, folder / name)
    print(f"\n{len(cases)} harms, {n_answers} answers, all valid; served after a start: {restarts}")
    assert restarts.get(names[0], 0) >= trials(1, 2 * len(files))


def holds(folder):
    """Returns whether a release opens: its tables' bytes are verified elsewhere."""
    try:
        open_release(folder, "answers").close()
    except DaybreakError:
        return False
    return True


def put_back(kept, path):
    beside = path.with_name(".back")
    shutil.copy(kept, beside)
    beside.replace(path)


@pytest.mark.parametrize(
    "name", ["fragments.bin", "users/default/shard-00.records", "items.records"]
)
def test_a_mapped_file_that_is_cut_off_costs_the_requests_in_flight_and_no_more(home, names, name):
    """Two workers: both end when they read beyond the file's end, and both come back."""
    server = ready(home, workers=2)
    path = ReleaseStore(home.releases).path(names[-1]) / name
    asker = Asker(server.port, PATHS, pause_seconds=0.001)
    asker.start()
    try:
        asker.wait_for(50)
        with path.open("r+b") as stream:
            stream.truncate(0)
        seconds = server.wait(lambda: asker.last == names[0])
        server.wait(lambda: all(server.release() == names[0] for _ in range(16)))
        failed = asker.statuses[0]
        asker.wait_for(100)
        assert server.get("/readyz").status == 200
    finally:
        asker.end()
        server.process.kill()
        server.process.communicate(timeout=10)
    print(f"\n{name} cut off: {dict(asker.statuses)}, the older release after {seconds:.1f} s")
    assert set(asker.statuses) <= {0, 200}
    assert asker.statuses[0] == failed


def test_a_damaged_location_changes_nothing_for_a_server_with_its_own_copy(home, names, tmp_path):
    draw, own = random.Random(10), Home(tmp_path / "own")
    environment = {"DAYBREAK_RELEASES__LOCATION": str(home.releases),
                   "DAYBREAK_RELEASES__SPREAD_SECONDS": "0",
                   "DAYBREAK_RELEASES__POLL_SECONDS": "0.1",
                   "DAYBREAK_RELEASES__RETRY_SECONDS": "0.1"}  # fmt: skip
    server = ready(own, environment=environment)
    server.wait(lambda: server.release() == names[-1])
    asker = Asker(server.port, PATHS)
    asker.start()
    for path in files_of(ReleaseStore(home.releases).path(names[-1])):
        with path.open("r+b") as stream:  # in place, under whoever reads it
            draw.choice([lambda s: s.truncate(0), lambda s: s.write(b"damage")])(stream)
    try:
        asker.wait_for(20 * len(PATHS))
    finally:
        asker.end()
        stopped(server)
    assert set(asker.statuses) == {200}
    assert {name for name, _ in asker.answers} == {names[-1]}
    server = ready(own, environment=environment)
    assert server.release() == names[-1]
    stopped(server)


def test_with_no_valid_release_at_all_it_says_so(home, names):
    for name in names:
        (ReleaseStore(home.releases).path(name) / "layout.json").write_text("damaged")
    server = RunningServer(home)
    try:
        server.wait(lambda: b"daybreak_releases_refused 2.0" in server.get("/metrics").body)
        for path in ("/readyz", "/v1/recommendations?user_id=full"):
            response = server.get(path)
            assert (response.status, response.headers["retry-after"]) == (503, "5")
            assert json.loads(response.body)["title"] == "No release to serve"
        assert server.get("/healthz").status == 200
    finally:
        stopped(server)
