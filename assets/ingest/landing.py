"""The landing zone: files that arrive at any time, in any state."""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from assets.ingest.access import file_name
from assets.ingest.entry import Entry
from assets.ingest.ledger import read_entries
from assets.ingest.one_file import Intake, open_intake, take_in
from assets.ingest.pouring import Request
from assets.ingest.snapshot import Totals
from core.errors import InputError
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import Table

_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".swp", ".filepart", "~")


@dataclass
class IngestReport:
    """What became of some files.

    Attributes:
        entries: ledger entries made, in order.
        repeated: files whose content was taken in before, with the entry that did.
        waiting: files left for the next time, with the reason.
        position: where the ledger stands now.
    """

    entries: list[Entry] = field(default_factory=list)
    repeated: dict[str, int] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    position: int = 0

    @property
    def totals(self) -> Totals:
        """The sum of the new entries' accounts."""
        totals = Totals()
        for entry in self.entries:
            totals = totals.plus(entry)
        return totals

    @property
    def unreadable(self) -> list[Entry]:
        """The new entries of files that were quarantined whole."""
        return [entry for entry in self.entries if entry.status == "unreadable"]


def landed_files(home: Home) -> list[Path]:
    """Returns the finished files in the landing zone by name; hidden and temporary ones are not."""
    if not home.landing.is_dir():
        return []
    return sorted(
        (
            path
            for path in home.landing.iterdir()
            if path.is_file()
            and not path.name.startswith((".", "_"))
            and not path.name.lower().endswith(_UNFINISHED)
        ),
        key=lambda path: path.name,
    )


def waiting_files(home: Home) -> list[tuple[str, int, int]]:
    """Returns name, bytes and modification time (ns) of each landed file without a ledger entry."""
    known = {(e.source_file, e.size, e.mtime_ns) for e in read_entries(home)}
    landed = []
    for path in landed_files(home):
        with contextlib.suppress(FileNotFoundError):  # taken away since the folder was listed
            found = path.stat()
            landed.append((file_name(path), found.st_size, found.st_mtime_ns))
    return [file for file in landed if file not in known]


def ingest_landing(
    home: Home,
    settings: IngestSettings,
    mapping: Mapping | None = None,
    *,
    now_us: int | None = None,
) -> IngestReport:
    """Takes in every file of the landing zone, in the order of names; none stops the others.

    Args:
        home: where to look and where the lake is.
        settings: the limits.
        mapping: how the files spell things; the settings' own where it is None.
        now_us: the present moment; the clock's where it is None.

    Raises:
        IntegrityError: a ledger entry is missing or altered.
        MachineFault: the machine failed while a file was read; it and those after it wait.
        OSError: the lake cannot be written.
    """
    requests = [
        (path, Request(settings, mapping or settings.mapping)) for path in landed_files(home)
    ]
    with open_intake(home, now_us) as intake:
        return take_in_all(intake, requests)


def ingest_file(
    home: Home,
    path: Path,
    table: Table | None,
    settings: IngestSettings,
    mapping: Mapping | None = None,
    *,
    now_us: int | None = None,
) -> IngestReport:
    """Takes in one file, wherever it lies; its name or columns tell the table if `table` is None.

    Raises:
        InputError: it cannot be opened, or changed while it was read.
        IntegrityError: a ledger entry is missing or altered.
        MachineFault: the machine failed while it was read.
        OSError: the lake cannot be written.
    """
    with open_intake(home, now_us) as intake:
        report = take_in_all(
            intake, [(path, Request(settings, mapping or settings.mapping, table))]
        )
    for reason in report.waiting.values():
        raise InputError(reason)
    return report


def take_in_all(intake: Intake, requests: list[tuple[Path, Request]]) -> IngestReport:
    """Takes in several files in order; one that cannot be opened now is left and named."""
    report = IngestReport()
    for path, request in requests:
        try:
            entry, is_new = take_in(intake, path, request)
        except InputError as error:
            report.waiting[file_name(path)] = str(error)
            continue
        if is_new:
            report.entries.append(entry)
        else:
            report.repeated[file_name(path)] = entry.seq
    report.position = len(intake.ledger.entries)
    return report
