"""The verbs of a place, on a folder and on a bucket of a real S3 server."""

import contextlib
import os
import shutil
import socket
import threading
import time

import pytest

from core import bucket_place, disk_place, kill_points
from core.disk_place import DiskPlace
from core.errors import UsageError
from core.place import open_place
from core.tombstone_log import TombstoneLog
from tests.servers import BUCKET, KEYS


@pytest.fixture(params=["folder", "bucket"])
def place(request, tmp_path):
    if request.param == "folder":
        return open_place(str(tmp_path))
    request.getfixturevalue("s3")
    return open_place(f"s3://{BUCKET}/places/{tmp_path.name}")


def test_a_file_is_created_once(place):
    assert place.names() == []
    assert place.create("00000001.json", b"mine") is True
    assert place.create("00000001.json", b"theirs") is False
    assert place.read("00000001.json") == b"mine"
    assert place.names() == ["00000001.json"]


def test_of_eight_threads_one_creates(place):
    answers, barrier = [], threading.Barrier(8)

    def create(number):
        barrier.wait()
        if place.create("one", str(number).encode()):
            answers.append(number)

    threads = [threading.Thread(target=create, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 1
    assert place.read("one") == str(answers[0]).encode()


def test_a_file_is_put_replaced_and_removed(place, tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "file"
    versions = place.under("versions")
    for content in (b"", b"abc", b"x" * (40 << 20)):
        source.write_bytes(content)
        versions.put("users/default/shard", source)
        assert versions.size("users/default/shard") == len(content)
        assert versions.block("users/default/shard", 1, 3) == content[1:3] if content else True
    assert versions.block("users/default/shard", (40 << 20) - 1, 50 << 20) == b"x"
    assert place.names() == ["versions"]
    assert versions.size("users") is None
    assert abs(versions.modified("users/default/shard") - time.time()) < 60
    assert versions.modified("users/default/nothing") is None
    versions.remove("users/default/shard")
    versions.remove("users/default/shard")
    assert versions.size("users/default/shard") is None
    assert versions.names() == []


def test_everything_is_found_at_any_depth_and_nothing_beside_it(place, tmp_path_factory):
    source = tmp_path_factory.mktemp("source") / "file"
    source.write_bytes(b"abc")
    versions = place.under("versions")
    first, second = versions.under("v"), versions.under("v+1")
    assert first.everything() == []
    for folder in (first, second):
        folder.create("claim.json", b"{}")
        folder.put("tables/lists.parquet", source)
        folder.put("tables/deep/er", source)
    first.put(".litter", source)
    first.put("tables/.litter", source)
    found = ["claim.json", "tables/deep/er", "tables/lists.parquet"]
    assert sorted(first.everything()) == [".litter", *found[:1], "tables/.litter", *found[1:]]
    assert sorted(second.everything()) == found
    for name in first.everything():
        first.remove(name)
    assert versions.names() == ["v+1"]
    assert sorted(second.everything()) == found


def test_what_is_not_there_is_none_or_an_error(place):
    assert place.size("nothing") is None
    with pytest.raises(FileNotFoundError):
        place.read("nothing")


def test_a_bucket_that_is_gone_is_an_os_error_without_a_key(s3):
    place = open_place(f"s3://{BUCKET}/x")
    s3.kill()
    try:
        for ask in (place.names, lambda: place.create("a", b"")):
            with pytest.raises(OSError, match=f"s3://{BUCKET}/x") as raised:
                ask()
            assert KEYS["AWS_SECRET_ACCESS_KEY"] not in str(raised.value)
    finally:
        s3.start()


@pytest.fixture
def answered_by(monkeypatch):
    """Returns a function that serves a bucket by what is done with each connection."""
    config = {**bucket_place._OPTIONS["config_kwargs"], "read_timeout": 0.2}
    options = {**bucket_place._OPTIONS, "config_kwargs": config}
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)

    def take(listener, answer, taken):
        with contextlib.suppress(OSError):  # the listener is shut down
            while True:
                taken.append(listener.accept()[0])
                answer(taken[-1], len(taken))

    with contextlib.ExitStack() as stack:

        def serve(answer):
            taken = []
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}"
            monkeypatch.setattr(bucket_place, "_OPTIONS", {**options, "endpoint_url": url})
            thread = threading.Thread(target=take, args=(listener, answer, taken))
            thread.start()
            stack.callback(lambda: [connection.close() for connection in taken])
            stack.callback(thread.join)
            stack.callback(listener.shutdown, socket.SHUT_RDWR)
            return open_place(f"s3://{BUCKET}/odd"), taken

        yield serve


@pytest.mark.parametrize("verb", ["names", "read", "create", "put"])
def test_a_bucket_that_never_answers_is_an_os_error_after_three_tries(answered_by, tmp_path, verb):
    (tmp_path / "source").write_bytes(b"rows")
    arguments = {"read": ["a"], "create": ["a", b"rows"], "put": ["a", tmp_path / "source"]}
    place, taken = answered_by(lambda connection, nth: None)
    start = time.monotonic()
    with pytest.raises(OSError, match=f"s3://{BUCKET}/odd"):
        getattr(place, verb)(*arguments.get(verb, []))
    assert time.monotonic() - start < 20  # with the pauses between the tries
    assert len(taken) == 3


def test_a_look_at_a_bucket_that_never_answers_ends_within_a_minute():
    pauses = 1 + 2  # botocore's longest between three tries, in seconds
    assert 3 * bucket_place._OPTIONS["config_kwargs"]["read_timeout"] + pauses < 60


@pytest.mark.parametrize("broken", [1, 2])
def test_an_answer_that_breaks_off_is_asked_for_once_more(answered_by, broken):
    def answer(connection, nth):
        connection.recv(4096)
        rows = b"ro" if nth <= broken else b"rows"
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + rows)
        connection.shutdown(socket.SHUT_RDWR)

    place, taken = answered_by(answer)
    if broken == 1:
        assert place.block("a", 0, 4) == b"rows"
    else:
        with pytest.raises(OSError, match="not completed"):
            place.block("a", 0, 4)
    assert len(taken) == 2


def test_an_absent_bucket_has_no_names_and_takes_no_file(s3):
    place = open_place("s3://another-bucket/x")
    assert place.names() == []
    with pytest.raises(OSError, match="does not exist"):
        place.create("a", b"")


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/nowhere/at/all", "mount or make it"),
        ("gs://bucket/x", "neither a folder nor s3"),
        ("s3://", "neither a folder nor s3"),
        ("s3:///x", "neither a folder nor s3"),
        ("s3://AKIDCANARY:canary-secret@bucket/x", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_location_that_cannot_be_meant_is_refused(location, message):
    with pytest.raises(UsageError, match=message) as raised:
        open_place(location)
    assert "canary" not in str(raised.value).lower()


def test_a_folder_may_be_named_as_a_url(tmp_path):
    assert str(open_place(f"file://{tmp_path}")) == str(tmp_path)


def test_the_secret_of_the_tombstones_is_not_for_everyone(tmp_path):
    old = os.umask(0)
    try:
        log = TombstoneLog(open_place(str(tmp_path)).under("tombstones"))
        log.opt_out("ann")
    finally:
        os.umask(old)
    modes = {path.name: path.stat().st_mode & 0o777 for path in log.folder.path.iterdir()}
    assert modes == {"secret": 0o640, "00000001.json": 0o666}


def test_a_folder_that_another_machine_removes_meanwhile_is_made_again(tmp_path, monkeypatch):
    """Who removes a release's last file takes the empty folder too, with what is half written."""
    place, left = DiskPlace(tmp_path / "shared"), {"create": 3, "put": 3}

    def clear(what):
        if left[what]:
            left[what] -= 1
            shutil.rmtree(place.path)

    kill_points.listen(lambda name: clear("create") if name == "written_beside" else None)
    try:
        assert place.create("claim.json", b"mine")
    finally:
        kill_points.listen(None)
    assert place.read("claim.json") == b"mine"
    source = tmp_path / "source"
    source.write_bytes(b"rows")
    flush = disk_place.flush_file
    monkeypatch.setattr(disk_place, "flush_file", lambda path: (clear("put"), flush(path)))
    place.put("tables/lists.parquet", source)
    assert place.read("tables/lists.parquet") == b"rows"
    assert left == {"create": 0, "put": 0}
    assert sorted(place.everything()) == ["tables/lists.parquet"]
    source.unlink()
    with pytest.raises(FileNotFoundError):
        place.put("tables/items.parquet", source)
