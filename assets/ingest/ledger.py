"""The ingest ledger: one numbered JSON entry for each file taken in.

Creating an entry is the commit: its Parquet files are written and flushed before, and a reader
finds lake files through entries only, so what a killed run left behind is never read. Entries are
never changed but by an erasure, which replaces one whole. `ingested_us` rises strictly with the
entry's number, so the latest statement about an item or a user is the one with the greatest
(ingested_us, line).

Ingest runs one at a time in a home: `open_ledger` holds a lock that ends with its process.
"""

import contextlib
import fcntl
import re
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from assets.ingest.account import check_account
from assets.ingest.entry import Entry, Likeness
from core.durable import create_file, replace_file
from core.errors import IntegrityError, ReleaseConflict
from core.home import Home
from core.ids import digest

_NAME = re.compile(r"[0-9]{8}\.json")


@dataclass
class Ledger:
    """The entries of a home, open for appending."""

    home: Home
    entries: list[Entry]

    @property
    def next_seq(self) -> int:
        """The number of the next entry."""
        return len(self.entries) + 1

    def moment(self, now_us: int) -> int:
        """Returns the moment of the next entry: now, but after every earlier entry."""
        return max(now_us, self.entries[-1].ingested_us + 1) if self.entries else now_us

    def find(self, likeness: Likeness) -> Entry | None:
        """Returns the entry that took in the same content in the same way, under any name."""
        return next((entry for entry in self.entries if likeness.covers(entry)), None)

    def append(self, entry: Entry) -> None:
        """Commits an entry.

        Raises:
            CheckFailed: its account does not balance.
            ReleaseConflict: another process took its number.
        """
        check_account(entry)
        path = self.home.ledger / f"{entry.seq:08d}.json"
        if not create_file(path, entry.to_bytes()):
            raise ReleaseConflict(
                f"ledger entry {entry.seq} was taken by another ingest; run it again"
            )
        self.entries.append(entry)

    def replace(self, entry: Entry) -> None:
        """Puts an entry without its erased users in the place of the one of its number.

        Raises:
            CheckFailed: its account does not balance.
        """
        check_account(entry)
        replace_file(self.home.ledger / f"{entry.seq:08d}.json", entry.to_bytes())
        self.entries[entry.seq - 1] = entry


@contextlib.contextmanager
def open_ledger(home: Home) -> Iterator[Ledger]:
    """Opens a home's ledger for appending, waiting for any ingest under way."""
    home.ledger.mkdir(parents=True, exist_ok=True)
    with (home.ledger / ".lock").open("wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield Ledger(home, read_entries(home))


def read_entries(home: Home, position: int | None = None) -> list[Entry]:
    """Returns the entries up to a position (all where it is None), in order.

    Raises:
        IntegrityError: an entry is missing, altered or no entry.
    """
    names = sorted(p.name for p in home.ledger.glob("*.json") if _NAME.fullmatch(p.name))
    wanted = len(names) if position is None else position
    entries = []
    for seq in range(1, wanted + 1):
        path = home.ledger / f"{seq:08d}.json"
        try:
            body = msgspec.json.decode(path.read_bytes())
            checksum = body.pop("checksum")
            if digest(body) != checksum:
                raise IntegrityError(f"{path} was altered: its checksum differs; restore it")
            entries.append(msgspec.convert(body, Entry))
        except OSError as error:
            raise IntegrityError(f"{path} cannot be read ({error.strerror}); restore it") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise IntegrityError(f"{path} is no ledger entry ({error}); restore it") from error
    return entries
