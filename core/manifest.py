"""What an artefact version says of itself, and how its bytes are held to it."""

import hashlib
import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from core.errors import IntegrityError
from core.ids import canonical_json, digest

FORMAT_VERSION = 1
NAME = "manifest.json"
_LIBRARIES = (
    "duckdb", "implicit", "narwhals", "numpy", "polars", "pyarrow", "pyspark", "scipy",
    "torch", "xgboost-cpu",
)  # fmt: skip


@dataclass(frozen=True)
class FileRecord:
    """One data file: size in bytes, SHA-256 in hex, and for a table its rows and schema hash."""

    bytes: int
    sha256: str
    rows: int | None = None
    schema_hash: str | None = None


@dataclass(frozen=True)
class Manifest:
    """The contract of one artefact version.

    Attributes:
        kind: the artefact's name, which is also its asset's.
        version: hash of everything that determines the content.
        as_of: the as-of date, `YYYY-MM-DD`.
        files: every data file by its relative path.
        inputs: version of each input artefact by kind.
        config: the settings that shaped it.
        seed: the root seed.
        code_version: hash of the sources.
        facts: small results that later stages and people read (counts, metrics, protocol).
        libraries: versions of the libraries that wrote it.
        format_version: layout of the directory; a reader refuses one that is newer.
        redaction: how often it was rewritten to forget someone; 0 for what the plan itself made.
    """

    kind: str
    version: str
    as_of: str
    files: dict[str, FileRecord]
    inputs: dict[str, str]
    config: dict[str, Any]
    seed: int
    code_version: str
    facts: dict[str, Any] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    format_version: int = FORMAT_VERSION
    redaction: int = 0

    @property
    def content_hash(self) -> str:
        """Hash over the files' hashes: equal content, equal hash, whatever the versions."""
        return digest({name: record.sha256 for name, record in self.files.items()})

    def to_bytes(self) -> bytes:
        """Returns the manifest as JSON with its own checksum."""
        body = asdict(self)
        return _sealed(body)


def read_manifest(folder: Path) -> Manifest:
    """Reads and checks a version's manifest (not its data files).

    Raises:
        IntegrityError: it is missing, not JSON, altered, of a newer format, or names a file
            outside its folder.
    """
    path = folder / NAME
    try:
        return parse_manifest(path.read_bytes(), path)
    except OSError as error:
        raise IntegrityError(f"{path} cannot be read ({error.strerror}); rebuild it") from error


def parse_manifest(content: bytes, path: object) -> Manifest:
    """Checks a manifest's bytes; messages name it by `path`.

    Raises:
        IntegrityError: as `read_manifest` does.
    """
    try:
        body = msgspec.json.decode(content)
        del body["checksum"]
        if body["format_version"] > FORMAT_VERSION:
            raise IntegrityError(
                f"{path} has format {body['format_version']}, this reader knows up to "
                f"{FORMAT_VERSION}; update Daybreak"
            )
        # Its own spelling too: a flipped bit may leave JSON that means the same.
        if _sealed(body) != content:
            raise IntegrityError(f"{path} was altered: its checksum differs; restore or rebuild it")
        manifest = msgspec.convert(body, Manifest)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise IntegrityError(f"{path} is no manifest ({error}); restore or rebuild it") from error
    if outside := [name for name in manifest.files if _leaves_folder(name)]:
        raise IntegrityError(
            f"{path} names a file outside its folder, {outside[0][:80]!r}; restore or rebuild it"
        )
    return manifest


def _sealed(body: dict[str, Any]) -> bytes:
    return canonical_json({**body, "checksum": digest(body)}) + b"\n"


def _leaves_folder(name: str) -> bool:
    parts = name.split("/")
    return "\\" in name or "\0" in name or any(part in ("", ".", "..") for part in parts)


def hash_file(path: Path) -> str:
    """Returns a file's SHA-256 in hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def verify(folder: Path, manifest: Manifest, *, unread: str = "") -> None:
    """Checks every data file of a version against its manifest.

    Args:
        folder: the version's.
        manifest: what it should hold.
        unread: a subfolder of which only the files' sizes are checked, since its reader checks
            their bytes later, or never reads them.

    Raises:
        IntegrityError: naming the first file that is missing, of another size or other bytes, or
            a file that the manifest does not list.
    """
    for name, record in sorted(manifest.files.items()):
        verify_file(folder / name, record, is_read=not unread or not name.startswith(f"{unread}/"))
    present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    if extra := sorted(present - set(manifest.files) - {NAME}):
        raise IntegrityError(f"{folder / extra[0]} is not in the manifest; restore or rebuild")


def verify_file(path: Path, record: FileRecord, *, is_read: bool = True) -> None:
    """Checks one data file; raises IntegrityError if missing, of another size or other bytes.

    A file that is not read may have other bytes.
    """
    if not path.is_file():
        raise IntegrityError(f"{path} is missing; restore or rebuild {path.parent}")
    if (size := path.stat().st_size) != record.bytes:
        raise IntegrityError(
            f"{path} has {size} bytes, its manifest says {record.bytes}; "
            f"restore or rebuild {path.parent}"
        )
    if is_read and hash_file(path) != record.sha256:
        raise IntegrityError(
            f"{path} has other bytes than its manifest says; restore or rebuild {path.parent}"
        )


def library_versions() -> Mapping[str, str]:
    """Returns the installed versions of the libraries that can change a result."""
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
