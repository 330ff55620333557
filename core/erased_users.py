"""Finds erased users in columns and in raw text, by their keyed hashes alone."""

import json
import re
from functools import cached_property

import polars as pl

from core.home import Home
from core.ids import digest
from core.release_store import ReleaseStore
from core.tombstones import Tombstones

# A raw record names its user in a cell of CSV, in a string of JSON, or as a word or number.
_CELL = r"[^,;|\t\r\n]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_WORD = r"[\p{L}\p{N}_.@+-]+"
_AROUND = "\"' {}[]().!?"
_META = re.compile(r"([\\.+*?()|\[\]{}^$#&~-])")


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

    def mentioned(self, raw: pl.Series) -> pl.Series:
        """Returns which raw texts name an erased user anywhere, bool; null names nobody.

        An id is found as a cell, as a quoted string or as a word, however it is spelled in JSON.
        """
        names = self.names_in(raw)
        if not names:
            return pl.repeat(False, len(raw), dtype=pl.Boolean, eager=True)
        return _plain(raw).str.contains(whole_words(names)).fill_null(False)

    def are_named(self, text: str) -> bool:
        """Returns whether one text names an erased user, as `mentioned` finds them."""
        return bool(self) and bool(self.mentioned(pl.Series([text])).item())

    def names_in(self, raw: pl.Series) -> list[str]:
        """Returns the ids of erased users that raw texts name, as `mentioned` finds them."""
        texts = _plain(raw.drop_nulls().unique())
        words = pl.concat([texts.str.extract_all(one).explode() for one in (_CELL, _QUOTED, _WORD)])
        tokens = words.drop_nulls().unique()
        last_field = tokens.str.replace(r"(?s)^.*?:", "")  # `"user_id": 42` is one cell
        bare = pl.concat([tokens, last_field]).str.strip_chars(_AROUND)
        whole = bare.str.replace(r"^(-?\d+)\.0+$", "$1")
        return self.among(pl.concat([tokens, bare, whole]))


def whole_words(names: list[str]) -> str:
    r"""Returns a pattern for any of the names, not as part of a longer word or number.

    >>> print(whole_words(["42", "a.b"]))
    (?:^|[^\p{L}\p{N}])(?:42|a\.b)(?:$|[^\p{L}\p{N}])
    """
    any_of = "|".join(_META.sub(r"\\\1", name) for name in sorted(names))
    return rf"(?:^|[^\p{{L}}\p{{N}}])(?:{any_of})(?:$|[^\p{{L}}\p{{N}}])"


def _plain(raw: pl.Series) -> pl.Series:
    """Returns raw texts with their JSON escapes undone where they have any, in NFC."""
    escaped = raw.str.contains("\\", literal=True).fill_null(False)
    if escaped.any():
        undone = raw.filter(escaped).map_elements(_unescaped, return_dtype=pl.String)
        raw = raw.scatter(escaped.arg_true(), undone)
    return raw.str.normalize("NFC")


def _unescaped(text: str) -> str:
    r"""Returns a text with `\uXXXX` and its kin undone, and every quote kept.

    >>> _unescaped('{"user_id": "zo\\u00eb"}')
    '{"user_id": "zoë"}'
    """
    parts = text.split('"')
    for place, part in enumerate(parts):
        try:
            parts[place] = json.loads(f'"{part}"')
        except ValueError:
            continue
    return '"'.join(parts).encode("utf-8", "replace").decode()  # half of a pair is no letter
