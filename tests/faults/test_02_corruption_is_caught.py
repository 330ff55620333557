"""A release that is not the bytes it was published as is not opened, and the server goes on."""

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from core.errors import DaybreakError, IntegrityError
from core.ids import canonical_json, digest
from core.manifest import read_manifest
from core.release_store import ReleaseStore
from core.staging import Staging, flushed_records
from serving.current_release import CurrentRelease
from serving.reader import open_release
from tests.faults.reading import mixed
from tests.serving.conftest import publish_toy

pytestmark = pytest.mark.faults
Harm = Callable[[Path, random.Random], None]


def one_bit(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    replaced(path, content)


def truncated(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    replaced(path, content[: draw.randrange(len(content))])


def zero_filled(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    start = draw.randrange(len(content))
    tail = bytes(len(content) - start)
    replaced(
        path,
        content[:start] + tail
        if content[start:] != tail
        else bytes([content[0] ^ 1]) + content[1:],
    )


def swapped(path: Path, draw: random.Random) -> None:
    folder = release_of(path)
    others = [one for one in folder.rglob("*") if one.is_file()]
    content = path.read_bytes()
    other = draw.choice([one for one in others if one.read_bytes() != content])
    theirs = other.read_bytes()
    replaced(path, theirs)
    replaced(other, content)


def missing(path: Path, draw: random.Random) -> None:
    path.unlink()


HARMS: tuple[Harm, ...] = (one_bit, truncated, zero_filled, swapped, missing)


def replaced(path: Path, content: bytes | bytearray) -> None:
    """Puts other bytes in a file's place, whoever has the old ones mapped."""
    path.unlink()
    path.write_bytes(content)


def release_of(path: Path) -> Path:
    return next(folder for folder in path.parents if folder.parent.name == "versions")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "releases"


@pytest.fixture
def two(root: Path) -> tuple[str, str]:
    return publish_toy(root, "1970-01-11", 1), publish_toy(root, "1970-01-12", 2)


def harm_each_file(
    root: Path, name: str, kept: Path, n_trials: int, judge: Callable[[Harm, Path], None]
) -> Counter[str]:
    """Harms the files of a release in turn, one at a time, and calls `judge` on each."""
    folder = ReleaseStore(root).path(name)
    shutil.copytree(folder, kept)
    files = sorted(one.relative_to(folder) for one in folder.rglob("*") if one.is_file())
    draw, done = random.Random(2), Counter[str]()
    for number in range(n_trials):
        harm = HARMS[number // len(files) % len(HARMS)]
        path = folder / files[number % len(files)]
        harm(path, draw)
        judge(harm, path)
        done[harm.__name__] += 1
        shutil.rmtree(folder)
        shutil.copytree(kept, folder)
    return done


def test_every_harm_to_every_file_is_refused(root, two, tmp_path, trials):
    def judge(harm: Harm, path: Path) -> None:
        print(f"{harm.__name__} of {path.name}")  # what a failure shows last was not noticed
        with pytest.raises(IntegrityError) as refused:
            open_release(release_of(path))
        assert two[1] in str(refused.value)

    done = harm_each_file(root, two[1], tmp_path / "kept", trials(105, 1000), judge)
    print(f"\nrefused: {dict(done)}, {done.total()} of {done.total()}")
    open_release(ReleaseStore(root).path(two[1])).close()


def test_a_server_goes_on_with_the_old_one(root, two, tmp_path, trials):
    def judge(harm: Harm, path: Path) -> None:
        serving = CurrentRelease(ReleaseStore(root), poll_seconds=1, retry_seconds=0)
        serving.refresh()
        assert serving.served is not None
        assert mixed(serving.served.release) == ""
        if path.parent.name == "tables" and harm in (one_bit, zero_filled, swapped):
            # No answer is made of the tables: their bytes are read, and refused, by who shows them.
            with pytest.raises(IntegrityError):
                ReleaseStore(root).verify(two[1])
            assert serving.served.release.id in two
        else:
            assert serving.served.release.id == two[0]
            assert list(serving.refused) == [two[1]]
        serving.served.release.close()

    harm_each_file(root, two[1], tmp_path / "kept", trials(25, 200), judge)


def manifest_of_another(folder: Path) -> None:
    (other,) = (one for one in folder.parent.iterdir() if one.name < folder.name)
    shutil.copy(other / "manifest.json", folder / "manifest.json")


def rewritten(folder: Path, **changes: object) -> None:
    """Rewrites a manifest under an honest checksum."""
    body = json.loads((folder / "manifest.json").read_text())
    del body["checksum"]
    body |= changes
    sealed(folder, body)


def sealed(folder: Path, body: dict[str, object]) -> None:
    content = canonical_json({**body, "checksum": digest(body)}) + b"\n"
    (folder / "manifest.json").write_bytes(content)


def newer_manifest(folder: Path) -> None:
    rewritten(folder, format_version=99)


def newer_layout(folder: Path) -> None:
    """A layout that this server does not know, under an honest manifest."""
    layout = json.loads((folder / "layout.json").read_text())
    (folder / "layout.json").write_text(json.dumps({**layout, "format": 99}))
    manifest = read_manifest(folder)
    (folder / "manifest.json").unlink()
    records = flushed_records(Staging(folder))
    files = {name: vars(record) for name, record in records.items()}
    sealed(folder, {**vars(manifest), "files": files})


@pytest.mark.parametrize(
    ("harm", "told"),
    [
        (manifest_of_another, "is of release"),
        (newer_manifest, "has format 99, this reader knows up to 1; update Daybreak"),
        (newer_layout, "has format 99, this reader knows"),
    ],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_a_release_of_another_id_or_a_newer_format(root, two, harm, told):
    folder = ReleaseStore(root).path(two[1])
    harm(folder)
    with pytest.raises(IntegrityError, match=told):
        open_release(folder)
    serving = CurrentRelease(ReleaseStore(root), poll_seconds=1, retry_seconds=0)
    serving.refresh()
    assert serving.served.release.id == two[0]
    serving.served.release.close()


def test_a_release_that_is_gone_is_passed_over(root, two):
    shutil.rmtree(ReleaseStore(root).path(two[1]))
    serving = CurrentRelease(ReleaseStore(root), poll_seconds=1, retry_seconds=0)
    serving.refresh()
    assert serving.served.release.id == two[0]
    with pytest.raises(DaybreakError, match="there is no release"):
        ReleaseStore(root).verify(two[1])
    serving.served.release.close()
