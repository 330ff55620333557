"""Records of any width, from any number of workers, read back as they were written."""

import hashlib
from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.release_tables import TABLES, write_tables
from core.staging import Staging
from serving import builder
from serving.builder import ReleaseInputs, build_release
from serving.release import Release

N_USERS, N_ITEMS = 60, 400


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.tables.ROW_GROUP", 128)  # two or three users a group, cut anywhere
        write_tables(folder, N_USERS, N_ITEMS, seed=3)
    return ReleaseInputs(**{name: folder / f"{name}.parquet" for name in TABLES})


@pytest.fixture(autouse=True)
def small_is_worth_a_process(monkeypatch):
    monkeypatch.setattr("serving.user_files._GROUPS_PER_WORKER", 1)


def build(folder, inputs, **more):
    folder.mkdir()
    return build_release(Staging(folder), inputs, date(2026, 3, 1), n_shards=3, **more)


def digests(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_several_workers_write_the_bytes_that_one_writes(tmp_path, inputs):
    one = build(tmp_path / "one", inputs)
    three = build(tmp_path / "three", inputs, n_workers=3)
    assert one == three
    assert digests(tmp_path / "one") == digests(tmp_path / "three")
    assert not [path for path in (tmp_path / "three").iterdir() if path.name.startswith(".")]


def test_an_error_in_a_worker_is_the_builds_error_and_leaves_nothing_aside(tmp_path, inputs):
    lists = pl.read_parquet(inputs.lists)
    spoilt = lists.with_columns(
        score=pl.when(pl.col("user_id") == "u00000050").then(float("nan")).otherwise("score")
    )
    path = tmp_path / "lists.parquet"
    spoilt.write_parquet(path, row_group_size=128)
    broken = ReleaseInputs(**{**vars(inputs), "lists": path})
    with pytest.raises(builder.CheckFailed, match="a score is nan"):
        build(tmp_path / "release", broken, n_workers=2)
    assert not [path for path in (tmp_path / "release").iterdir() if path.name.startswith(".")]


def test_records_hold_what_the_tables_say(tmp_path, inputs):
    build(tmp_path / "release", inputs)
    release = Release.load(tmp_path / "release")
    lists = pl.read_parquet(inputs.lists)
    recent = pl.read_parquet(inputs.recent_items)
    ids = pl.read_parquet(inputs.items)["item_id"]
    largest = float(lists["score"].max())
    for (user,), rows in lists.group_by("user_id"):
        record = release.user(user)
        items, codes, reasons = record.rows(64)
        assert ids.gather(items).to_list() == rows.sort("rank")["item_id"].to_list()
        assert list(reasons) == rows.sort("rank")["reason_num"].to_list()
        told = np.array([float(release.personal_scores[code].partition(b",")[0]) for code in codes])
        assert np.abs(told - rows.sort("rank")["score"].to_numpy()).max() < largest / 6_000
        mine = recent.filter(pl.col("user_id") == user).sort("rank")["item_id"]
        assert ids.gather(record.recent).to_list() == mine.to_list()
        assert record.rows(3) == (items[:3], codes[:3], reasons[:3])
    release.close()
