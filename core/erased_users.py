"""Finds erased users in columns and in raw text, by their keyed hashes alone."""

from functools import cached_property

import polars as pl

from core.home import Home
from core.ids import digest
from core.ids_in_text import Fields
from core.raw_records import RecordForm
from core.release_store import ReleaseStore
from core.tombstones import Tombstones


class ErasedUsers:
    """Who is erased; falsy where nobody is, so that nothing need be looked at."""

    def __init__(self, tombstones: Tombstones) -> None:
        self._tombstones = tombstones
        self._erased = tombstones.erased

    @classmethod
    def of(cls, home: Home) -> "ErasedUsers":
        """Returns a home's; raises IntegrityError where its tombstones are damaged."""
        return cls(ReleaseStore(home.releases).tombstones.state())

    def __bool__(self) -> bool:
        return bool(self._erased)

    @cached_property
    def digest(self) -> str:
        """Says who is erased, without naming anybody: another user, another digest."""
        return digest(sorted(self._erased))

    def among(self, texts: pl.Series) -> list[str]:
        """Returns the distinct texts that are the id of an erased user."""
        found = texts.drop_nulls().unique().to_list()
        return [text for text in found if self._tombstones.hash(text) in self._erased]

    def own(self, user_ids: pl.Series) -> pl.Series:
        """Returns which ids of a column are of erased users, bool; null is nobody's."""
        return user_ids.is_in(self.among(user_ids)).fill_null(False)

    def mentioned(self, raw: pl.Series, form: RecordForm | None = None) -> pl.Series:
        """Returns which raw records name an erased user, bool; null names nobody.

        An id is found as a cell, as a string or as a word, however it is escaped. In a record that
        parses a bare number is an id in the user's column alone.
        """
        nobody = pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)
        if raw.null_count() == len(raw):
            return nobody
        fields = Fields.of(raw, form or RecordForm())
        names = self.among(fields.ids())
        return nobody.scatter(fields.rows_with(names), True) if names else nobody

    def are_named(self, text: str) -> bool:
        """Returns whether one text names an erased user, as `mentioned` finds them."""
        return bool(self) and bool(self.mentioned(pl.Series([text])).item())
