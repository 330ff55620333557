"""What quarantine holds of one file's refused records, and what of it an erased user may be in."""

from collections.abc import Iterator
from functools import cached_property

import polars as pl

from assets.ingest.entry import Entry, LakeFile
from assets.ingest.limits_then import limits_then
from assets.ingest.pouring import ERASED_REASON
from core.erased_users import ErasedUsers
from core.home import Home
from core.ingest_settings import IngestSettings, Mapping
from core.raw_records import RecordForm
from core.schemas import QUARANTINE
from core.tables import read_blocks

CUT_REASON = "cut short, so that it may be of an erased user"
"""Why the text of a refused record is left out that is not there to its end."""


class Quarantined:
    """The refused records of one file, a block of rows at a time."""

    def __init__(
        self, home: Home, entry: Entry, erased: ErasedUsers, settings: IngestSettings
    ) -> None:
        self._home = home
        self._entry = entry
        self._erased = erased
        self._settings = settings
        self._form = RecordForm.of(Mapping.model_validate(entry.mapping))

    def leaves_room(self, file: LakeFile) -> bool:
        """Returns whether a text names an erased user, is left out or is cut short."""
        return any(
            rows["raw"].null_count() or self._cut(rows).any() or self._named(rows).any()
            for rows in self._blocks(file)
        )

    def has(self, file: LakeFile) -> bool:
        """Returns whether a text or reason names an erased user, or a text is cut short."""
        return any((self._named(rows) | self._cut(rows)).any() for rows in self._blocks(file))

    def redacted(self, file: LakeFile) -> Iterator[pl.DataFrame]:
        """Yields the rows without such texts and reasons."""
        for rows in self._blocks(file):
            named, cut = self._named(rows), self._cut(rows)
            reason = pl.when(named).then(pl.lit(ERASED_REASON)).when(cut).then(pl.lit(CUT_REASON))
            yield rows.with_columns(
                raw=pl.when(~(named | cut)).then("raw"), reason=reason.otherwise("reason")
            )

    def _named(self, rows: pl.DataFrame) -> pl.Series:
        """Returns which rows name an erased user.

        What the reason of a record quotes stands in the record too; reasons without a record are
        those of unreadable files.
        """
        bare = rows["raw"].is_null() & ~rows["reason"].is_in([ERASED_REASON, CUT_REASON])
        by_reason = self._erased.mentioned(rows["reason"].set(~bare, None))
        return self._erased.mentioned(rows["raw"], self._form) | by_reason

    def _cut(self, rows: pl.DataFrame) -> pl.Series:
        """Returns which texts may be cut short."""
        return rows["raw"].str.len_bytes().fill_null(0) > self._whole_bytes

    @cached_property
    def _whole_bytes(self) -> int:
        """The bytes up to which a text is whole for certain.

        A text that was cut has as many bytes as the limit, but for a letter of up to four. Under
        limits that nobody knows any more, one that is as long as the longest may have been cut.
        """
        if then := limits_then(self._entry, self._settings):
            return min(then.max_raw_bytes - 4, then.max_record_bytes)
        longest = 0
        for file in self._entry.files:
            if file.table == QUARANTINE.name:
                for rows in self._blocks(file, ["raw"]):
                    lengths = rows["raw"].str.len_bytes().fill_null(0).to_numpy()
                    longest = max(longest, int(lengths.max(initial=0)))
        return max(60, longest - 4)

    def _blocks(self, file: LakeFile, columns: list[str] | None = None) -> Iterator[pl.DataFrame]:
        return read_blocks(self._home.lake / file.path, QUARANTINE, columns)
