"""A release's own tables, and what is still kept of the artefacts that it was made of."""

from pathlib import Path
from typing import Any

import polars as pl

from assets.publication.lineage import lineage
from core.artefact import Artefact, table_file
from core.days import day_of_us, now_us, parse_day
from core.errors import NotFound, UsageError
from core.home import Home
from core.manifest import verify_file
from core.release_history import span_at_end_of, spans
from core.release_store import ReleaseStore
from core.release_tables import released_table
from core.schemas import Table
from core.settings import load_settings
from core.store import Store
from serving.deciding_location import deciding_location


def chosen_release(home: Home, release: str | None, day: str | None) -> str:
    """Returns the release that is asked about: a named one, a day's, or the current one.

    Args:
        home: where they lie.
        release: its id.
        day: `YYYY-MM-DD`; the release that was current when it ended (UTC, by the clock).

    Raises:
        UsageError: the day is no date, or has not come.
        NotFound: nothing stood then, or the release is not there; where it still is, if anywhere.
        IntegrityError: the log is damaged.
        OSError: the location of releases can't be reached.
    """
    releases = ReleaseStore(home.releases)
    name = release or (releases.log.current() if day is None else _at_end_of(releases, day))
    if name is None:
        raise NotFound("no release stands; run `daybreak run`")
    if name not in releases.ids() and releases.log.standing().status(name):
        location = deciding_location(home, load_settings().releases)
        if location is not None and location.holds(name):
            raise NotFound(
                f"release {name} is not in this home, it lies at {location}; ask where it is "
                "served, or bring the best N beside the current one with `daybreak release pull "
                "--fallbacks N`"
            )
        raise NotFound(
            f"release {name} stands in the log, but its files are kept no more; see "
            "`daybreak release list`"
        )
    return name


def _at_end_of(releases: ReleaseStore, day: str) -> str:
    asked, today = parse_day(day), day_of_us(now_us())
    if asked > today:
        raise UsageError(f"day {day} has not come; give one up to {today} (UTC), or a release")
    entries = releases.log.entries()
    span = span_at_end_of(entries, asked)
    if span is None:
        begins = f"its first entry is of {entries[0].at}" if entries else "it is empty"
        raise NotFound(
            f"no release was current when {day} ended by the release log ({begins}); name one "
            "with --release, see `daybreak release list`"
        )
    return span.release


class ReleasePast:
    """One release, any that is kept, and the artefacts behind it as far as they are.

    Attributes:
        release: its id.
        manifest: what it says of itself.
        gone: the kinds that were asked for and are kept no more, in that order.
    """

    def __init__(self, home: Home, release: str) -> None:
        self._releases = ReleaseStore(home.releases)
        self.release = release
        self._folder = self._releases.path(release)
        self.manifest = self._releases.manifest(release)
        self._store = Store(home.artefacts)
        self._versions = lineage(self._store, Artefact(self._folder, self.manifest), kept_only=True)
        self.gone: list[str] = []
        self._verified: dict[Path, pl.LazyFrame] = {}

    def standing(self) -> dict[str, Any]:
        """Returns status (None where the log does not know it) and served: since, until, …"""
        entries = self._releases.log.entries()
        return {
            "status": self._releases.log.standing().status(self.release),
            "served": [
                {"since": span.since, "until": span.until}
                for span in spans(entries)
                if span.release == self.release
            ],
        }

    def rows(self, kind: str, table: Table, part: str = "") -> pl.LazyFrame | None:
        """Returns an artefact's table at the version that the release was made of.

        None where that version, or what led to it, is kept no more; the kind is then in `gone`.

        Raises:
            IntegrityError: its file is damaged, or gone while its manifest is there.
        """
        version = self._versions.get(kind)
        if version is None:
            if kind not in self.gone:
                self.gone.append(kind)
            return None
        as_of = self.manifest.as_of
        artefact = self._store.version(kind, as_of, version)
        name = table_file(table, part)
        path = artefact.file(name)
        if path not in self._verified:
            verify_file(path, artefact.manifest.files[name])
            self._verified[path] = pl.scan_parquet(path)
        return self._verified[path]

    def released(self, table: Table) -> pl.LazyFrame:
        """Returns a table of the release itself; raises IntegrityError where it is damaged."""
        path = self._folder / "tables" / table_file(table)
        if path not in self._verified:
            self._verified[path] = pl.scan_parquet(released_table(self._folder, table))
        return self._verified[path]
