import errno
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from core import durable, staging, store
from core.artefact import Artefact
from core.errors import CheckFailed, IntegrityError, NotFound, NotReproducible, UnsafeName
from core.manifest import NAME, Manifest, read_manifest, verify
from core.schemas import HOLDOUT, SEGMENT_LISTS
from core.staging import Staging
from core.store import Plan, Store
from tests.nasty import NASTY

PLAN = Plan("als", "2024-03-10", {"lake": "v0"}, {"k": 10}, 7)
ROWS = pl.DataFrame({"event_id": ["b", "a"], "level": [2, 1]})


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it and go on."""


@pytest.fixture
def artefacts(tmp_path: Path) -> Store:
    return Store(tmp_path / "artefacts")


def fill(staging: Staging, text: str = "one") -> Staging:
    staging.write_table(ROWS, HOLDOUT)
    staging.write_table(ROWS[:1], HOLDOUT, "test")
    staging.write_json("deep/report.json", {"b": [1, None], "a": text})
    staging.file("model.bin").write_bytes(b"\1\2\3")
    staging.facts["n"] = 2
    return staging


def committed(artefacts: Store, plan: Plan = PLAN, text: str = "one") -> Artefact:
    return artefacts.commit(plan, fill(artefacts.begin(plan), text))


def versions(artefacts: Store) -> list[str]:
    """Returns what a reader could take for a version of PLAN's date."""
    folder = artefacts.root / PLAN.kind / PLAN.as_of
    return sorted(path.parent.name for path in folder.glob(f"[!.]*/{NAME}"))


def left_over(artefacts: Store) -> list[str]:
    folder = artefacts.root / PLAN.kind / PLAN.as_of
    known = {PLAN.version, "CURRENT"}
    return sorted(path.name for path in folder.iterdir() if path.name not in known)


def test_a_version_is_read_back_as_it_was_written(artefacts: Store) -> None:
    made = committed(artefacts)
    found = artefacts.find(PLAN)
    assert found == made
    assert found is not None
    assert found.path == artefacts.root / "als" / "2024-03-10" / PLAN.version
    assert found.table(HOLDOUT).rows() == [("a", 1), ("b", 2)]
    assert found.table(HOLDOUT, "test", ["level"]).rows() == [(2,)]
    assert found.json("deep/report.json") == {"a": "one", "b": [1, None]}
    assert found.file("model.bin").read_bytes() == b"\1\2\3"
    assert found.facts == {"n": 2}
    assert left_over(artefacts) == []


def test_the_manifest_tells_of_every_file(artefacts: Store) -> None:
    manifest = committed(artefacts).manifest
    assert sorted(manifest.files) == [
        "deep/report.json", "holdout.parquet", "model.bin", "test/holdout.parquet",
    ]  # fmt: skip
    table = manifest.files["holdout.parquet"]
    assert (table.rows, table.schema_hash) == (2, HOLDOUT.schema_hash)
    assert manifest.files["test/holdout.parquet"].rows == 1
    assert manifest.files["model.bin"].bytes == 3
    assert manifest.files["model.bin"].rows is None
    assert (manifest.kind, manifest.as_of, manifest.version) == ("als", "2024-03-10", PLAN.version)
    assert (manifest.inputs, manifest.config, manifest.seed) == ({"lake": "v0"}, {"k": 10}, 7)
    verify(artefacts.root / "als" / "2024-03-10" / PLAN.version, manifest)


def test_anything_that_determines_the_content_changes_the_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = [
        PLAN.version,
        replace(PLAN, kind="tower").version,
        replace(PLAN, as_of="2024-03-11").version,
        replace(PLAN, inputs={"lake": "v1"}).version,
        replace(PLAN, inputs={}).version,
        replace(PLAN, config={"k": 11}).version,
        replace(PLAN, seed=8).version,
    ]
    assert replace(PLAN, inputs=dict(reversed([("a", "1"), ("b", "2")]))).version == (
        replace(PLAN, inputs={"a": "1", "b": "2"}).version
    )
    monkeypatch.setattr(store, "code_version", lambda: "other")
    told.append(PLAN.version)
    assert len(set(told)) == 8
    assert all(len(version) == 16 for version in told)


def test_a_setting_that_is_no_number_has_no_version() -> None:
    with pytest.raises(ValueError, match="Out of range float"):
        replace(PLAN, config={"k": float("nan")}).version  # noqa: B018  # reading it is the test


def test_the_same_plan_twice_is_one_version(artefacts: Store) -> None:
    first = committed(artefacts)
    before = {path: path.stat().st_mtime_ns for path in first.path.rglob("*")}
    assert committed(artefacts) == first
    assert {path: path.stat().st_mtime_ns for path in first.path.rglob("*")} == before
    assert left_over(artefacts) == []


def test_other_content_under_the_same_plan_is_refused_and_the_first_stays(
    artefacts: Store,
) -> None:
    first = committed(artefacts)
    with pytest.raises(NotReproducible, match=f"als {PLAN.version} as of 2024-03-10 came out"):
        committed(artefacts, text="two")
    assert artefacts.find(PLAN) == first
    assert first.json("deep/report.json")["a"] == "one"
    assert left_over(artefacts) == []


def test_one_file_more_or_less_is_other_content(artefacts: Store) -> None:
    committed(artefacts)
    for change in (
        lambda staging: staging.file("more.bin").write_bytes(b""),
        lambda staging: staging.file("model.bin").unlink(),
    ):
        staging = fill(artefacts.begin(PLAN))
        change(staging)
        with pytest.raises(NotReproducible):
            artefacts.commit(PLAN, staging)


def test_a_damaged_version_is_not_taken_for_the_same(artefacts: Store) -> None:
    made = committed(artefacts)
    made.file("model.bin").write_bytes(b"\1\2\4")
    with pytest.raises(IntegrityError, match=r"model\.bin has other bytes"):
        committed(artefacts)


def test_a_version_without_a_manifest_is_named_as_damaged(artefacts: Store) -> None:
    (committed(artefacts).path / NAME).unlink()
    with pytest.raises(IntegrityError, match=r"manifest\.json cannot be read"):
        artefacts.find(PLAN)
    with pytest.raises(IntegrityError, match=r"manifest\.json cannot be read"):
        committed(artefacts)


def test_a_damaged_version_set_aside_makes_room_and_is_kept(artefacts: Store) -> None:
    made = committed(artefacts)
    made.file("model.bin").write_bytes(b"\1\2\4")
    with pytest.raises(IntegrityError, match=r"model\.bin has other bytes"):
        artefacts.find_whole(PLAN)
    hidden = artefacts.set_aside(PLAN)
    assert (hidden / "model.bin").read_bytes() == b"\1\2\4"
    assert artefacts.find_whole(PLAN) is None
    assert artefacts.versions(PLAN.kind, PLAN.as_of) == []
    assert committed(artefacts).path == made.path
    assert artefacts.find_whole(PLAN) is not None


STEPS: dict[str, Callable[[pytest.MonkeyPatch, BaseException], None]] = {}


def step(function: Callable[[pytest.MonkeyPatch, BaseException], None]) -> None:
    STEPS[function.__name__] = function


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


@step
def while_hashing_files(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(staging, "hash_file", raising(error))


@step
def flushing_a_file(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(staging, "flush_file", raising(error))


@step
def flushing_the_folders_before_the_rename(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(staging, "flush_folder", raising(error))


@step
def writing_the_manifest(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(Manifest, "to_bytes", raising(error))


@step
def flushing_the_manifest(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    fsync = os.fsync

    def fail_at_the_last(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").resolve().name.startswith(f".{NAME}"):
            raise error
        fsync(handle)

    patch.setattr(os, "fsync", fail_at_the_last)


@step
def renaming_the_manifest(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(Path, "replace", raising(error))


@step
def renaming_the_version(patch: pytest.MonkeyPatch, error: BaseException) -> None:
    patch.setattr(Path, "rename", raising(error))


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize(
    "error",
    [Killed(), OSError(errno.ENOSPC, "No space left"), OSError(errno.EIO, "Input/output error")],
    ids=["killed", "full disk", "broken disk"],
)
def test_a_commit_that_dies_leaves_nothing_visible_and_the_next_one_works(
    artefacts: Store, name: str, error: BaseException
) -> None:
    staging = fill(artefacts.begin(PLAN))
    with pytest.MonkeyPatch.context() as patch:
        STEPS[name](patch, error)
        with pytest.raises(type(error)):
            artefacts.commit(PLAN, staging)
    assert versions(artefacts) == []
    assert artefacts.find(PLAN) is None
    artefacts.abandon(staging)
    assert left_over(artefacts) == []
    made = committed(artefacts)
    verify(made.path, made.manifest)


def fail_after_the_rename(artefacts: Store, error: BaseException) -> Staging:
    staging = fill(artefacts.begin(PLAN))
    rename = Path.rename
    with pytest.MonkeyPatch.context() as patch:

        def rename_then_fail(self: Path, target: Path) -> None:
            rename(self, target)
            patch.setattr(store, "flush_folder", raising(error))

        patch.setattr(Path, "rename", rename_then_fail)
        with pytest.raises(type(error)) as raised:
            artefacts.commit(PLAN, staging)
    assert raised.value is error
    return staging


def test_a_commit_whose_last_flush_fails_is_abandoned(artefacts: Store) -> None:
    """Nobody knows then whether the new name is on the disk, and asking again tells nothing."""
    staging = fail_after_the_rename(artefacts, OSError(errno.EIO, "Input/output error"))
    assert versions(artefacts) == []
    artefacts.abandon(staging)
    assert left_over(artefacts) == []
    verify(committed(artefacts).path, committed(artefacts).manifest)


def test_a_commit_that_dies_after_the_rename_has_made_a_whole_version(artefacts: Store) -> None:
    fail_after_the_rename(artefacts, Killed())
    assert versions(artefacts) == [PLAN.version]
    found = artefacts.find(PLAN)
    assert found is not None
    verify(found.path, found.manifest)
    assert committed(artefacts) == found


def test_a_version_left_staged_by_a_kill_is_no_version(artefacts: Store) -> None:
    staging = fill(artefacts.begin(PLAN))
    (staging.path / NAME).write_bytes(b"{}")
    assert artefacts.find(PLAN) is None
    assert artefacts.dates("als") == []
    assert versions(artefacts) == []
    made = committed(artefacts)
    assert made.json("deep/report.json")["a"] == "one"


def test_two_stagings_of_one_plan_do_not_meet(artefacts: Store) -> None:
    one, two = artefacts.begin(PLAN), artefacts.begin(PLAN)
    assert one.path != two.path
    first = artefacts.commit(PLAN, fill(one))
    assert artefacts.commit(PLAN, fill(two)) == first


def test_abandoning_twice_is_no_error(artefacts: Store) -> None:
    staging = fill(artefacts.begin(PLAN))
    artefacts.abandon(staging)
    artefacts.abandon(staging)
    assert left_over(artefacts) == []


def test_a_staged_table_that_vanished_is_noticed(artefacts: Store) -> None:
    staging = fill(artefacts.begin(PLAN))
    staging.file("holdout.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"'holdout\.parquet' vanished before the commit"):
        artefacts.commit(PLAN, staging)
    assert versions(artefacts) == []


def test_every_file_is_flushed_before_the_version_is_seen(
    artefacts: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    staging = fill(artefacts.begin(PLAN))
    written = {staging.path, *staging.path.rglob("*")}
    flushed: set[Path] = set()
    fsync, rename = os.fsync, Path.rename

    def noting(handle: int) -> None:
        flushed.add(Path(f"/proc/self/fd/{handle}").resolve())
        fsync(handle)

    def checking(self: Path, target: Path) -> Path:
        assert {path.resolve() for path in written} <= flushed
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(Path, "rename", checking)
    made = artefacts.commit(PLAN, staging)
    assert made.path.parent.resolve() in flushed


def test_the_current_version_is_the_one_pointed_to(artefacts: Store) -> None:
    one = committed(artefacts)
    two = committed(artefacts, replace(PLAN, seed=8), "two")
    with pytest.raises(NotFound, match="there is no als as of 2024-03-10; run `daybreak run"):
        artefacts.current("als", "2024-03-10")
    for made in (one, two, one):
        artefacts.make_current(made)
        assert artefacts.current("als", "2024-03-10") == made
    assert artefacts.dates("als") == ["2024-03-10"]
    assert artefacts.dates("tower") == []


def test_every_version_can_be_read_whichever_is_current(artefacts: Store) -> None:
    other = replace(PLAN, seed=8)
    for plan in (PLAN, other):
        artefacts.make_current(committed(artefacts, plan, f"of seed {plan.seed}"))
    artefacts.begin(replace(PLAN, seed=9))  # staged, no version
    found = artefacts.versions(PLAN.kind, PLAN.as_of)
    assert {one.version for one in found} == {PLAN.version, other.version}
    first = artefacts.version(PLAN.kind, PLAN.as_of, PLAN.version)
    assert first.json("deep/report.json")["a"] == "of seed 7"
    assert artefacts.versions("als", "1999-01-01") == []
    with pytest.raises(NotFound, match="there is no als 0000 as of"):
        artefacts.version("als", PLAN.as_of, "0000")
    with pytest.raises(UnsafeName):
        artefacts.version("als", PLAN.as_of, "../x")


def test_dates_are_those_with_a_current_version(artefacts: Store) -> None:
    for day in ("2024-03-12", "2024-03-10", "2024-03-11"):
        made = committed(artefacts, replace(PLAN, as_of=day))
        if day != "2024-03-11":
            artefacts.make_current(made)
    assert artefacts.dates("als") == ["2024-03-10", "2024-03-12"]


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"../../other", b"a b", b"\xff\xfe", b"\0" * 16, b"a" * 1000, b".."]
)
def test_a_garbled_pointer_is_an_integrity_error(artefacts: Store, content: bytes) -> None:
    artefacts.make_current(committed(artefacts))
    (artefacts.root / "als" / "2024-03-10" / "CURRENT").write_bytes(content)
    with pytest.raises(IntegrityError, match="CURRENT names no version; run `daybreak run"):
        artefacts.current("als", "2024-03-10")


def test_a_pointer_to_what_was_deleted_is_an_integrity_error(artefacts: Store) -> None:
    artefacts.make_current(committed(artefacts))
    (artefacts.root / "als" / "2024-03-10" / "CURRENT").write_text("0" * 16)
    with pytest.raises(IntegrityError, match=r"manifest\.json cannot be read"):
        artefacts.current("als", "2024-03-10")


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO])
def test_a_pointer_that_cannot_be_written_stays_as_it_was(artefacts: Store, fault: int) -> None:
    one, two = committed(artefacts), committed(artefacts, replace(PLAN, seed=8), "two")
    artefacts.make_current(one)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable.os, "fsync", raising(OSError(fault, "no")))
        with pytest.raises(OSError, match="no"):
            artefacts.make_current(two)
    assert artefacts.current("als", "2024-03-10") == one
    assert left_over(artefacts) == [replace(PLAN, seed=8).version]


def test_a_manifest_of_another_version_is_refused(artefacts: Store) -> None:
    one, two = committed(artefacts), committed(artefacts, replace(PLAN, seed=8))
    (one.path / NAME).write_bytes((two.path / NAME).read_bytes())
    with pytest.raises(IntegrityError, match=f"is of als {two.version} as of 2024-03-10; remove"):
        artefacts.find(PLAN)
    two.path.rename(two.path.with_name("0" * 16))
    (two.path.parent / "CURRENT").write_text("0" * 16)
    with pytest.raises(IntegrityError, match="remove that folder and run again"):
        artefacts.current("als", "2024-03-10")


def test_an_altered_json_file_is_refused_when_it_is_read(artefacts: Store) -> None:
    made = committed(artefacts)
    path = made.file("deep/report.json")
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    with pytest.raises(IntegrityError, match=r"report\.json has other bytes"):
        made.json("deep/report.json")
    path.unlink()
    with pytest.raises(IntegrityError, match=r"report\.json is missing"):
        made.json("deep/report.json")


def test_a_name_that_the_manifest_lacks_is_not_found(artefacts: Store) -> None:
    made = committed(artefacts)
    with pytest.raises(NotFound, match=r"has no file 'none'; it has deep/report\.json, holdout"):
        made.file("none")
    with pytest.raises(NotFound):
        made.file(f"../{made.version}/model.bin")
    with pytest.raises(NotFound, match=r"segment_lists\.parquet"):
        made.table(SEGMENT_LISTS)


@pytest.mark.parametrize("name", NASTY, ids=lambda name: ascii(name)[:30])
def test_no_name_leaves_the_store(artefacts: Store, name: str) -> None:
    staging = artefacts.begin(PLAN)
    parts = name.split("/")
    if "/" not in name or any(part in ("", ".", "..") for part in parts):
        with pytest.raises(UnsafeName):
            staging.file(name)
    uses: list[Callable[[], object]] = [
        lambda: artefacts.begin(replace(PLAN, kind=name)),
        lambda: artefacts.begin(replace(PLAN, as_of=name)),
        lambda: artefacts.current(name, "2024-03-10"),
        lambda: artefacts.current("als", name),
        lambda: artefacts.dates(name),
    ]
    if name:  # an empty part is no part
        uses.append(lambda: staging.write_table(ROWS, HOLDOUT, name))
    for use in uses:
        with pytest.raises(UnsafeName):
            use()
    assert [path.name for path in artefacts.root.iterdir()] == ["als"]


def test_the_manifest_cannot_be_a_data_file(artefacts: Store) -> None:
    with pytest.raises(UnsafeName, match="is the manifest's own"):
        artefacts.begin(PLAN).file(NAME)


def test_json_has_sorted_keys_and_no_nan(artefacts: Store) -> None:
    staging = artefacts.begin(PLAN)
    staging.write_json("a.json", {"b": 1, "a": {"d": "é", "c": None}})
    assert staging.file("a.json").read_text() == (
        '{\n "a": {\n  "c": null,\n  "d": "é"\n },\n "b": 1\n}\n'
    )
    for number in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="Out of range float"):
            staging.write_json("a.json", {"b": number})


def test_a_table_that_breaks_its_contract_is_not_recorded(artefacts: Store) -> None:
    staging = artefacts.begin(PLAN)
    with pytest.raises(CheckFailed, match="has a null in 'level'"):
        staging.write_table(pl.DataFrame({"event_id": ["a"], "level": [None]}), HOLDOUT)
    assert staging.records == {}


def test_batches_are_one_table(artefacts: Store) -> None:
    staging = artefacts.begin(PLAN)
    pieces = [ROWS.sort("event_id")[place : place + 1].to_arrow() for place in range(2)]
    assert staging.write_batches(iter(pieces), HOLDOUT) == 2
    made = artefacts.commit(PLAN, staging)
    assert made.table(HOLDOUT).rows() == [("a", 1), ("b", 2)]
    assert read_manifest(made.path).files["holdout.parquet"].rows == 2
