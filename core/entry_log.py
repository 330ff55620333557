"""Numbered entries, each created whole and once: the one way a decision is written down.

Creating the next number is the compare-and-swap: of several writers one succeeds. An entry that
exists is never changed or deleted, so entries already read are kept.
"""

import re
from dataclasses import asdict
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import msgspec

from core.durable import create_file
from core.errors import IntegrityError, MachineFault
from core.ids import canonical_json, digest

_NAME = re.compile(r"([0-9]{8})\.json")


class EntryFolder(Protocol):
    """Where entries lie: a folder on a disk or a prefix in a bucket."""

    def names(self) -> list[str]:
        """Returns the names in the folder; none where it does not exist yet."""

    def read(self, name: str) -> bytes:
        """Returns a file's bytes; raises OSError where it can't be read."""

    def create(self, name: str, content: bytes) -> bool:
        """Creates a file whole; returns False, changing nothing, where the name is taken.

        Raises:
            OSError: the write failed, or nobody knows whether it arrived.
        """

    def __str__(self) -> str:
        """Returns the place as messages name it."""


class DiskFolder:
    """Entries in a folder on a local disk.

    Args:
        path: the folder.
        mode: who may read and write its files, before the process's mask.
    """

    def __init__(self, path: Path, mode: int = 0o666) -> None:
        self.path = path
        self._mode = mode

    def __str__(self) -> str:
        return str(self.path)

    def names(self) -> list[str]:
        """Returns the names in the folder."""
        try:
            return [path.name for path in self.path.iterdir()]
        except FileNotFoundError:
            return []

    def read(self, name: str) -> bytes:
        """Returns a file's bytes."""
        return (self.path / name).read_bytes()

    def create(self, name: str, content: bytes) -> bool:
        """Creates a file whole, flushed before it gets its name."""
        return create_file(self.path / name, content, self._mode)


class Numbered(Protocol):
    """What an entry must have."""

    @property
    def seq(self) -> int:
        """Its number, from 1 without gaps."""


E = TypeVar("E", bound=Numbered)


class EntryLog(Generic[E]):
    """The entries in one folder.

    Args:
        folder: where they lie.
        kind: the entry's dataclass; `seq` among its fields.
        name: what messages call the log.
    """

    def __init__(
        self,
        folder: EntryFolder,
        kind: type[E],
        name: str,
    ) -> None:
        self.folder = folder
        self._kind = kind
        self._name = name
        self._known: list[E] = []

    def last_seq(self) -> int:
        """Returns the highest entry number, without opening a file; 0 for none."""
        found = map(_NAME.fullmatch, self.folder.names())
        return max((int(match[1]) for match in found if match), default=0)

    def entries(self) -> tuple[E, ...]:
        """Returns all entries in order.

        Raises:
            IntegrityError: an entry is missing, empty, no JSON, altered or misnumbered.
        """
        last = self.last_seq()
        for seq in range(len(self._known) + 1, last + 1):
            self._known.append(self._read(seq))
        return tuple(self._known[:last])

    def create(self, entry: E) -> bool:
        """Adds an entry under its number; returns False where another writer has that number.

        No two entries may have the same content (give them a nonce): where the outcome of the
        write is unknown the log is read again, and an entry with these very bytes is this one.
        Nothing is deleted, whatever happened.

        Raises:
            MachineFault: the entry is not in the log, or the log can't be read now.
        """
        name = file_name(entry.seq)
        content = to_bytes(entry)
        try:
            if self.folder.create(name, content):
                return True
        except OSError as error:
            failure: OSError | None = error
        else:
            failure = None
        # A client that repeats a lost request by itself may find its own entry in the way.
        try:
            return self.folder.read(name) == content
        except FileNotFoundError:
            reason = "the write failed and the entry is not there"
        except OSError as error:
            reason = f"nobody knows whether it was written, as it can't be read: {error}"
        raise MachineFault(
            f"entry {entry.seq} of {self._name} in {self.folder}: {reason} "
            f"({failure or 'it was there a moment ago'}); look at the log and repeat"
        ) from failure

    def _read(self, seq: int) -> E:
        place = f"{self.folder}/{file_name(seq)}"
        restore = f"restore it from a copy of {self._name}"
        try:
            content = self.folder.read(file_name(seq))
            body = msgspec.json.decode(content)
            del body["checksum"]
            if _sealed(body) != content or body["seq"] != seq:
                raise IntegrityError(f"{place} was altered; {restore}")
            entry = msgspec.convert(body, self._kind)
        except OSError as error:
            raise IntegrityError(
                f"{place} cannot be read ({error.strerror or error}); {restore}"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IntegrityError(
                f"{place} is no entry of {self._name} ({error}); {restore}"
            ) from error
        return entry


def file_name(seq: int) -> str:
    """Returns the name of an entry's file.

    >>> file_name(12)
    '00000012.json'
    """
    return f"{seq:08d}.json"


def to_bytes(entry: Any) -> bytes:
    """Returns an entry as JSON with its own checksum."""
    return _sealed(asdict(entry))


def _sealed(body: dict[str, Any]) -> bytes:
    return canonical_json({**body, "checksum": digest(body)}) + b"\n"
