import errno
import os
import threading
from pathlib import Path

import pytest

from core import durable

FAULTS = [(errno.ENOSPC, "No space left on device"), (errno.EIO, "Input/output error")]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def failing(number: int, text: str):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, text)

    return fail


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "made" / "on the way"
    durable.replace_file(path, b"old")
    durable.replace_file(path, b"")
    assert path.read_bytes() == b""
    durable.replace_file(path, b"new")
    assert path.read_bytes() == b"new"
    assert names(path.parent) == ["on the way"]


def test_a_file_is_created_once(tmp_path: Path) -> None:
    path = tmp_path / "entry"
    assert durable.create_file(path, b"first") is True
    assert durable.create_file(path, b"second") is False
    assert path.read_bytes() == b"first"
    assert names(tmp_path) == ["entry"]


def test_of_twenty_writers_one_creates_the_file(tmp_path: Path) -> None:
    start = threading.Barrier(20)
    won: list[int] = []

    def write(number: int) -> None:
        start.wait()
        if durable.create_file(tmp_path / "entry", b"%d" % number):
            won.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert (tmp_path / "entry").read_bytes() == b"%d" % won[0]
    assert names(tmp_path) == ["entry"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_flush_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[int, str]
) -> None:
    path = tmp_path / "pointer"
    durable.replace_file(path, b"old")
    monkeypatch.setattr(os, "fsync", failing(*fault))
    with pytest.raises(OSError, match=fault[1]):
        durable.replace_file(path, b"new")
    with pytest.raises(OSError, match=fault[1]):
        durable.create_file(tmp_path / "entry", b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["pointer"]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_failed_rename_or_link_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: tuple[int, str]
) -> None:
    path = tmp_path / "pointer"
    durable.replace_file(path, b"old")
    monkeypatch.setattr(Path, "replace", failing(*fault))
    monkeypatch.setattr(os, "link", failing(*fault))
    with pytest.raises(OSError, match=fault[1]):
        durable.replace_file(path, b"new")
    with pytest.raises(OSError, match=fault[1]):
        durable.create_file(tmp_path / "entry", b"new")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["pointer"]


def test_the_bytes_are_flushed_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    fsync, replace, link = os.fsync, Path.replace, os.link

    def noting_fsync(handle: int) -> None:
        folder = Path(f"/proc/self/fd/{handle}").resolve().is_dir()
        steps.append("flush folder" if folder else "flush file")
        fsync(handle)

    def noting_replace(self: Path, target: Path) -> Path:
        steps.append("rename")
        return replace(self, target)

    def noting_link(*paths: Path) -> None:
        steps.append("link")
        link(*paths)

    monkeypatch.setattr(os, "fsync", noting_fsync)
    monkeypatch.setattr(Path, "replace", noting_replace)
    monkeypatch.setattr(os, "link", noting_link)
    durable.replace_file(tmp_path / "a", b"1")
    durable.create_file(tmp_path / "b", b"1")
    assert steps == [
        "flush file", "rename", "flush folder", "flush file", "link", "flush folder",
    ]  # fmt: skip
