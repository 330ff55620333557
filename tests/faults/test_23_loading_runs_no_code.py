"""Pickles, object arrays and their like under every name that a loader opens: none is run."""

import gzip
import io
import json
import pickle
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from assets.ingest.stage import make_lake
from core.artefact import open_artefact
from core.entry_log import file_name
from core.errors import DaybreakError
from core.home import Home
from core.manifest import read_manifest
from core.night import Workspace
from core.release_log import ReleaseLog
from core.release_store import ReleaseStore
from core.schemas import LISTS
from core.settings import Settings, load_settings
from core.staging import Staging, flushed_records
from core.tables import read_table
from serving.reader import open_release
from serving.release import Release
from tests.faults.test_02_corruption_is_caught import sealed
from tests.serving.conftest import publish_toy
from training.fitted import load_model
from training.tower_model import TwoTowerModel

pytestmark = pytest.mark.faults


class Malice:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.trace,)


def contents(trace: Path) -> dict[str, bytes]:
    """Returns malicious files by what they are."""
    one = Malice(trace)
    plain, array = pickle.dumps(one), io.BytesIO()
    np.save(array, np.array([one], dtype=object), allow_pickle=True)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as torch_file:
        torch_file.writestr("archive/data.pkl", plain)
        torch_file.writestr("archive/version", "3\n")
    extension = pa.field(
        "user_id",
        pa.binary(),
        metadata={"ARROW:extension:name": "arrow.py_extension_type",
                  "ARROW:extension:metadata": plain},
    )  # fmt: skip
    table = io.BytesIO()
    pq.write_table(pa.table([pa.array([b"a"])], schema=pa.schema([extension])), table)
    header = json.dumps({"__metadata__": {"daybreak": pickle.dumps(one, 0).decode("latin1")}})
    tensors = len(header.encode()).to_bytes(8, "little") + header.encode()
    return {
        "pickle": plain, "pickle 0": pickle.dumps(one, 0), "object array": array.getvalue(),
        "torch archive": archive.getvalue(), "parquet extension": table.getvalue(),
        "safetensors header": tensors,
    }  # fmt: skip


def test_the_malice_works(tmp_path):
    trace = tmp_path / "trace"
    pickle.loads(contents(trace)["pickle"])
    assert trace.exists()


def loaders(folder: Path) -> Iterator[tuple[str, Callable[[bytes], object]]]:
    """Yields each loader by name, as a call that puts the bytes in place and loads them."""

    def at(name: str, load: Callable[[Path], object]) -> tuple[str, Callable[[bytes], object]]:
        def call(content: bytes) -> object:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            path.write_bytes(content)
            return load(path)

        return name, call

    yield at("als/model.safetensors", lambda path: load_model(path, TwoTowerModel))
    yield at("als/2026-01-01/0123/manifest.json", lambda path: read_manifest(path.parent))
    yield at("a/b/c/manifest.json", lambda path: open_artefact(path.parent, "a", "b"))
    yield at("lists.parquet", lambda path: read_table(path, LISTS))
    yield at(f"log/{file_name(1)}", lambda path: ReleaseLog(path.parent).entries())
    yield at("daybreak.toml", lambda path: load_settings(path, {}))


def test_what_is_computed(tmp_path):
    trace = tmp_path / "trace"
    n_tried = 0
    for content in contents(trace).values():
        for name, load in loaders(tmp_path / "files"):
            with pytest.raises(DaybreakError):
                load(content)
            assert not trace.exists(), name
            n_tried += 1
    print(f"\n{n_tried} malicious files, 0 executed")
    assert n_tried >= 30


def test_what_is_landed(tmp_path):
    trace, home = tmp_path / "trace", Home(tmp_path / "home")
    home.landing.mkdir(parents=True)
    for number, content in enumerate(contents(trace).values()):
        for ending in ("csv", "jsonl", "parquet"):
            (home.landing / f"events-{number}.{ending}").write_bytes(content)
        (home.landing / f"events-{number}.csv.gz").write_bytes(gzip.compress(content))
    made = make_lake(Workspace(home, Settings()).night("2026-01-01"))
    assert made.artefact.facts["stored_rows"]["events"] == 0
    assert not trace.exists()


def test_what_is_served(tmp_path):
    """Every file of a release in turn, under a manifest that is honest about it."""
    trace, root = tmp_path / "trace", tmp_path / "releases"
    name = publish_toy(root, "1970-01-11", 1)
    folder = ReleaseStore(root).path(name)
    manifest = read_manifest(folder)
    kinds = contents(trace)
    n_tried = 0
    for file in sorted(manifest.files):
        path = folder / file
        kept = path.read_bytes()
        for content in kinds.values():
            path.unlink()
            path.write_bytes(content)
            (folder / "manifest.json").unlink()
            records = {k: vars(v) for k, v in flushed_records(Staging(folder)).items()}
            sealed(folder, {**vars(manifest), "files": records})
            load(folder)
            assert not trace.exists(), file
            n_tried += 1
        path.unlink()
        path.write_bytes(kept)
    print(f"\n{n_tried} malicious files, 0 executed")
    assert n_tried >= 30


def load(folder: Path) -> None:
    """Opens a release as a server does; one whose odd file is never looked at may open."""
    try:
        release: Release = open_release(folder)
    except DaybreakError:
        return
    release.close()
