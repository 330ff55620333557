import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from core.errors import IntegrityError
from core.manifest import FileRecord, hash_file, read_manifest
from core.release_store import ReleaseStore
from serving.layout import FORMAT, read_layout
from serving.reader import open_release
from serving.release import Release


@pytest.fixture(scope="module")
def whole(tmp_path_factory, toy):
    root = tmp_path_factory.mktemp("reader") / "releases"
    return ReleaseStore(root).path(toy.publish(root, "1970-01-11", 1))


@pytest.fixture
def folder(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / whole.name)


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


DAMAGE = {
    "one bit": flip,
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-2]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_any_file_is_refused(folder, damage):
    names = sorted(x.relative_to(folder).as_posix() for x in folder.rglob("*") if x.is_file())
    assert len(names) == 22
    for name in names:
        path = folder / name
        content = path.read_bytes()
        DAMAGE[damage](path)
        with pytest.raises(IntegrityError):
            open_release(folder)
        path.write_bytes(content)
    open_release(folder).close()


def test_one_flipped_bit_anywhere_is_refused(folder):
    rng = np.random.default_rng(5)
    paths = sorted(x for x in folder.rglob("*") if x.is_file())
    for _ in range(300):
        path = paths[rng.integers(len(paths))]
        content = path.read_bytes()
        spoilt = bytearray(content)
        spoilt[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        path.write_bytes(spoilt)
        with pytest.raises(IntegrityError):
            open_release(folder)
        path.write_bytes(content)


def test_two_swapped_files_and_a_stray_one_are_refused(folder):
    one, two = (folder / f"users/default/shard-0{n}.records" for n in range(2))
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)
    with pytest.raises(IntegrityError, match="shard-0"):
        open_release(folder)
    one.write_bytes(first)
    two.write_bytes(second)
    (folder / "stray").touch()
    with pytest.raises(IntegrityError, match="not in the manifest"):
        open_release(folder)


def test_a_folder_of_another_name_is_refused(folder):
    moved = folder.rename(folder.with_name("1970-01-12.000000"))
    with pytest.raises(IntegrityError, match="not of release 1970-01-12"):
        open_release(moved)


def resign(folder, name):
    """Makes the manifest agree with a changed file, as a faulty builder would."""
    manifest = read_manifest(folder)
    path = folder / name
    record = FileRecord(path.stat().st_size, hash_file(path))
    changed = replace(manifest, files={**manifest.files, name: record})
    (folder / "manifest.json").write_bytes(changed.to_bytes())


@pytest.mark.parametrize(("step", "advice"), [(1, "update Daybreak"), (-1, "run its date again")])
def test_a_layout_of_another_format_is_refused_with_a_next_step(folder, step, advice):
    layout = json.loads((folder / "layout.json").read_text())
    (folder / "layout.json").write_text(json.dumps({**layout, "format": FORMAT + step}))
    resign(folder, "layout.json")
    with pytest.raises(IntegrityError, match=advice):
        open_release(folder)


def test_a_layout_that_does_not_fit_the_files_is_refused(folder):
    layout = json.loads((folder / "layout.json").read_text())
    for name, value in {
        "n_items": 8,
        "n_explanations": 7,
        "n_shards": 3,
        "segments": ["a"],
    }.items():
        (folder / "layout.json").write_text(json.dumps({**layout, name: value}))
        with pytest.raises(IntegrityError):
            Release.load(folder)


@pytest.mark.parametrize("change", ["sentence", "order", "none"])
def test_golden_answers_catch_what_hashes_cannot(folder, change):
    """The bytes are as the manifest says, but they are not what the tables say."""
    if change == "sentence":
        name = "fragments.bin"
        path = folder / name
        path.write_bytes(path.read_bytes().replace(b"Many like m5", b"Many hate m5"))
    elif change == "order":
        name = "segments.items"
        path = folder / name
        words = path.read_bytes()
        path.write_bytes(words[:16] + words[20:24] + words[16:20] + words[24:])
    else:
        name = "golden.json"
        (folder / name).write_text("[]")
    resign(folder, name)
    with pytest.raises(IntegrityError, match=r"golden|otherwise"):
        open_release(folder)


def test_an_unverified_release_still_gives_its_golden_answers(folder):
    flip(folder / "tables" / "lists.parquet")
    with pytest.raises(IntegrityError):
        open_release(folder)
    assert open_release(folder, verify="nothing").layout == read_layout(folder)
