import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import IntegrityError
from core.ids import canonical_json, digest
from core.manifest import (
    FORMAT_VERSION,
    NAME,
    FileRecord,
    Manifest,
    hash_file,
    library_versions,
    read_manifest,
    verify,
)

DATA = {"a.bin": bytes(range(256)) * 8, "part/b.bin": b"x" * 100, "empty.bin": b""}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A whole version of three files."""
    records = {}
    for name, content in DATA.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        records[name] = FileRecord(len(content), hash_file(path), rows=3)
    manifest = Manifest(
        kind="als", version="v1", as_of="2024-03-10", files=records, inputs={"lake": "v0"},
        config={"k": 10, "share": 0.1, "name": "é"}, seed=7, code_version="c", facts={"n": 1},
        libraries={"numpy": "2"},
    )  # fmt: skip
    (tmp_path / NAME).write_bytes(manifest.to_bytes())
    return tmp_path


def forge(folder: Path, **changes: object) -> None:
    """Rewrites the manifest with other fields and a checksum that fits them."""
    body = json.loads((folder / NAME).read_bytes())
    del body["checksum"]
    body.update(changes)
    (folder / NAME).write_bytes(canonical_json({**body, "checksum": digest(body)}) + b"\n")


def check(folder: Path) -> None:
    verify(folder, read_manifest(folder))


def test_what_was_written_is_read_back(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest.inputs == {"lake": "v0"}
    assert manifest.config == {"k": 10, "share": 0.1, "name": "é"}
    assert manifest.files["part/b.bin"].bytes == 100
    assert manifest.files["part/b.bin"].rows == 3
    assert manifest.format_version == FORMAT_VERSION == 1
    check(folder)


def test_the_content_hash_is_over_the_files_alone(folder: Path) -> None:
    manifest = read_manifest(folder)
    assert manifest.content_hash == replace(manifest, version="v2", facts={}).content_hash
    other = {**manifest.files, "a.bin": replace(manifest.files["a.bin"], sha256="0" * 64)}
    assert manifest.content_hash != replace(manifest, files=other).content_hash
    fewer = {name: manifest.files[name] for name in ("a.bin", "empty.bin")}
    assert manifest.content_hash != replace(manifest, files=fewer).content_hash


def test_every_flipped_bit_is_found(folder: Path) -> None:
    draw = random.Random(7)
    for name in ("a.bin", "part/b.bin"):
        for _ in range(50):
            content = bytearray(DATA[name])
            content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
            (folder / name).write_bytes(content)
            with pytest.raises(IntegrityError, match="has other bytes than its manifest says"):
                check(folder)
        (folder / name).write_bytes(DATA[name])
    check(folder)


@pytest.mark.parametrize(
    "content", [b"", DATA["a.bin"][:-1], DATA["a.bin"] + b"\0", DATA["a.bin"][:1024]]
)
def test_a_truncated_or_longer_file_is_found(folder: Path, content: bytes) -> None:
    (folder / "a.bin").write_bytes(content)
    with pytest.raises(IntegrityError, match=f"has {len(content)} bytes, its manifest says 2048"):
        check(folder)


def test_a_zero_filled_file_is_found(folder: Path) -> None:
    (folder / "a.bin").write_bytes(bytes(2048))
    with pytest.raises(IntegrityError, match="has other bytes"):
        check(folder)


def test_a_missing_file_is_found_and_named(folder: Path) -> None:
    (folder / "part" / "b.bin").unlink()
    with pytest.raises(IntegrityError, match=r"part/b\.bin is missing"):
        check(folder)
    (folder / "part" / "b.bin").mkdir()
    with pytest.raises(IntegrityError, match=r"part/b\.bin is missing"):
        check(folder)


@pytest.mark.parametrize("name", ["c.bin", "part/c.bin", ".hidden", "part/manifest.json"])
def test_an_extra_file_is_found_and_named(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"")
    with pytest.raises(IntegrityError, match=f"{name} is not in the manifest"):
        check(folder)


def test_swapped_files_are_found(folder: Path) -> None:
    (folder / "a.bin").write_bytes(DATA["part/b.bin"])
    (folder / "part" / "b.bin").write_bytes(DATA["a.bin"])
    with pytest.raises(IntegrityError, match=r"a\.bin has 100 bytes"):
        check(folder)


def test_a_newer_format_is_refused_as_such(folder: Path) -> None:
    forge(folder, format_version=FORMAT_VERSION + 1, layout="unknown to this reader")
    with pytest.raises(IntegrityError, match="has format 2, this reader knows up to 1; update"):
        read_manifest(folder)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"seed":7', b'"seed":8'), (b"2024-03-10", b"2024-03-11"), (b'"k":10', b'"k":11'),
     (b'"n":1', b'"n":true'), (b'"lake":"v0"', b'"lake":"v1"')],
)  # fmt: skip
def test_an_altered_manifest_is_found(folder: Path, old: bytes, new: bytes) -> None:
    content = (folder / NAME).read_bytes()
    assert content.count(old) == 1
    (folder / NAME).write_bytes(content.replace(old, new))
    with pytest.raises(IntegrityError, match="was altered: its checksum differs"):
        read_manifest(folder)


def test_no_flipped_bit_changes_what_a_manifest_says(folder: Path) -> None:
    content, whole = (folder / NAME).read_bytes(), read_manifest(folder)
    draw = random.Random(7)
    n_refused = 0
    for _ in range(300):
        flipped = bytearray(content)
        flipped[draw.randrange(len(flipped))] ^= 1 << draw.randrange(8)
        (folder / NAME).write_bytes(flipped)
        try:
            assert read_manifest(folder) == whole  # such as \n become a blank
        except IntegrityError:
            n_refused += 1
    assert n_refused >= 295


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b'"text"', b"7", b"null", b"\xff\xfe", b'{"checksum":"x"}', b"NaN",
     b'{"format_version":"1","checksum":"x"}', b'{"format_version":null,"checksum":"x"}',
     b"[" * 100_000, b'{"a":' * 100_000, b"\0" * 100],
    ids=lambda content: ascii(content)[:20],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(folder: Path, content: bytes) -> None:
    (folder / NAME).write_bytes(content)
    with pytest.raises(IntegrityError, match=r"manifest\.json") as refusal:
        read_manifest(folder)
    assert "\n" not in str(refusal.value)


def test_a_truncated_manifest_is_refused_wherever_it_ends(folder: Path) -> None:
    content = (folder / NAME).read_bytes().rstrip()
    for length in range(0, len(content), 23):
        (folder / NAME).write_bytes(content[:length])
        with pytest.raises(IntegrityError):
            read_manifest(folder)


def test_a_missing_manifest_is_refused(folder: Path) -> None:
    (folder / NAME).unlink()
    with pytest.raises(IntegrityError, match=r"cannot be read \(No such file or directory"):
        read_manifest(folder)
    (folder / NAME).mkdir()
    with pytest.raises(IntegrityError, match="cannot be read"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "changes",
    [{"seed": "7"}, {"files": []}, {"files": {"a.bin": {"bytes": 1}}}, {"inputs": {"lake": 3}},
     {"version": None}, {"config": "none"}],
)  # fmt: skip
def test_a_well_signed_manifest_of_another_shape_is_refused(
    folder: Path, changes: dict[str, object]
) -> None:
    forge(folder, **changes)
    with pytest.raises(IntegrityError, match="is no manifest"):
        read_manifest(folder)


@pytest.mark.parametrize(
    "name",
    ["../a.bin", "/etc/passwd", "part/../../a.bin", "./a.bin", "part//b.bin", "", "..", "part/",
     "..\\a.bin", "a\0.bin"],
)  # fmt: skip
def test_a_well_signed_manifest_cannot_name_a_file_elsewhere(folder: Path, name: str) -> None:
    forge(folder, files={name: {"bytes": 0, "sha256": ""}})
    with pytest.raises(IntegrityError, match="names a file outside its folder"):
        read_manifest(folder)


def test_the_libraries_that_can_change_a_result_are_named() -> None:
    found = library_versions()
    assert {"numpy", "polars", "pyarrow"} <= set(found)
    assert all(version[0].isdigit() for version in found.values())
