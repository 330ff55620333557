"""The ids that texts may hold, however they are escaped, quoted or broken."""

import operator
import re
from dataclasses import dataclass
from functools import cached_property, reduce

import polars as pl

from core.raw_records import TORN, USER, RecordForm, split_records

HIDDEN = r"[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]"
"""What no id holds: controls, zero-width and bidi marks, line separators."""
_SEPARATORS = ",;|\t"
_WORD = r"[\p{L}\p{N}_.@+-]+"
_AROUND = "\"' {}[]().!?"
_NUMBER = r"^[+-]?[0-9][0-9.]*(?:[eE][+-]?[0-9]+)?$"
# To its closing quote, or to the end of a text that was torn within.
_JSON_STRING = r'(?s)"(?:[^"\\]|\\.)*(?:"|$)'
_CSV_STRING = r'"(?:[^"]|"")*(?:"|$)'
_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\(.)", re.DOTALL)
_ESCAPED = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_TEXT = pl.col("text")


@dataclass(frozen=True)
class Fields:
    """The fields of some records.

    Attributes:
        cells: `row` (UInt32) of the record, `place` (UInt8), `text`; a torn record is one field.
    """

    cells: pl.DataFrame

    @classmethod
    def of(cls, raw: pl.Series, form: RecordForm) -> "Fields":
        """Returns the fields of raw records; null has none."""
        return cls(split_records(raw, form))

    def ids(self) -> pl.Series:
        """Returns the distinct texts that may be an id, in NFC.

        Of a record that parses these are the user's cell, and all that stands in the others but
        bare numbers, which count stars and seconds there. Of a torn one they are all there is.
        """
        found = [pl.Series("text", [], pl.String)]
        found += [_ids(_unplaced(self._at(place)), place)["text"] for place in self._places]
        return pl.concat(found).unique()

    def rows_with(self, names: list[str]) -> pl.Series:
        """Returns the rows of the records in which one of the names is an id, UInt32."""
        rows = []
        for place in self._places:
            texts = _holding(self._at(place), names)
            found = _ids(texts.to_frame("text").with_row_index("field"), place)
            named = texts.gather(found.filter(pl.col("text").is_in(names))["field"].unique())
            here = (pl.col("place") == place) & pl.col("text").is_in(named.implode())
            rows.append(self.cells.filter(here)["row"])
        return pl.concat(rows).unique()

    @cached_property
    def _places(self) -> list[int]:
        return self.cells["place"].unique().to_list()

    def _at(self, place: int) -> pl.Series:
        return self.cells.filter(pl.col("place") == place)["text"].unique()


def _unplaced(texts: pl.Series) -> pl.DataFrame:
    """Returns texts as fields of which nobody will ask which they were."""
    return texts.to_frame("text").select(pl.lit(0, pl.UInt32).alias("field"), "text")


def _ids(fields: pl.DataFrame, place: int) -> pl.DataFrame:
    """Returns the distinct ids that fields in one place may hold: `field` and `text`, as given."""
    if place == USER:
        return _spelled(_bared(fields))
    if place == TORN:
        return _spelled(_bared(_parts(fields)))
    found = _spelled(_parts(fields.filter(~_TEXT.str.strip_chars().str.contains(_NUMBER))))
    return found.filter(~_TEXT.str.contains(_NUMBER))


def _bared(parts: pl.DataFrame) -> pl.DataFrame:
    """Returns texts that may be the user's cell, and what is to be seen of them."""
    return pl.concat([parts, parts.with_columns(_TEXT.str.replace_all(HIDDEN, ""))])


def _spelled(parts: pl.DataFrame) -> pl.DataFrame:
    """Returns texts as ids are spelled: trimmed, whole numbers without `.0`, in NFC."""
    parts = parts.unique()
    parts = parts.with_columns(_composed(parts["text"]))
    bare = _TEXT.str.strip_chars(_AROUND)
    forms = [_TEXT.str.strip_chars(), bare, bare.str.replace(r"^(-?\d+)\.0+$", "$1")]
    others = [parts.with_columns(form).filter(parts["text"] != _TEXT) for form in forms]
    return pl.concat([parts, *others]).unique()


def _parts(fields: pl.DataFrame) -> pl.DataFrame:
    """Returns the strings, cells and words of fields, and their whole texts."""
    plain = fields["text"].str.contains(f"^{_WORD}$")
    whole, fields = fields.filter(plain), fields.filter(~plain)
    escaped = fields.filter(_TEXT.str.contains("\\", literal=True))
    both = pl.concat([fields, escaped.with_columns(_unescaped(escaped["text"]))])
    lines = _each(both, _TEXT.str.extract_all(r"[^\r\n]+"))
    cells = [_each(lines, _TEXT.str.extract_all(f"[^{_SEPARATORS}]+"))]
    several = [x for x in _SEPARATORS if lines["text"].str.contains(x, literal=True).any()]
    if len(several) > 1:
        cells += [_each(lines, _TEXT.str.split(one)) for one in several]
    split = pl.concat(cells).unique()
    last = split.filter(_TEXT.str.contains(":")).with_columns(
        _TEXT.str.replace(r"^.*?:", "")  # `"user_id": 42`
    )
    words = _each(split.filter(~_TEXT.str.contains(f"^{_WORD}$")), _TEXT.str.extract_all(_WORD))
    return pl.concat([whole, both, split, last, words, _strings(fields)])


def _strings(fields: pl.DataFrame) -> pl.DataFrame:
    """Returns what stands in quotes, in JSON's way and in CSV's.

    In a torn text an opening quote may be a closing one, so each is tried as both.
    """
    having = fields.filter(_TEXT.str.contains('"', literal=True))
    both = pl.concat([having, having.with_columns(_TEXT.str.replace(r'^[^"]*"', ""))])
    in_json, in_csv = (
        _each(both, _TEXT.str.extract_all(one)).with_columns(
            _TEXT.str.strip_prefix('"').str.strip_suffix('"')
        )
        for one in (_JSON_STRING, _CSV_STRING)
    )
    in_json = in_json.with_columns(_unescaped(in_json["text"]))
    return pl.concat([in_json, in_csv.with_columns(_TEXT.str.replace_all('""', '"', literal=True))])


def _each(fields: pl.DataFrame, parts: pl.Expr) -> pl.DataFrame:
    return fields.select("field", parts.alias("text")).explode("text").drop_nulls()


def _holding(texts: pl.Series, names: list[str]) -> pl.Series:
    """Returns the texts that hold one of the names in any spelling, be it in a longer word."""
    spellings = [texts, _unescaped(texts), texts.str.replace_all('""', '"', literal=True)]
    spellings += [one.str.replace_all(HIDDEN, "") for one in spellings]
    found = [_composed(one).str.contains_any(names) for one in spellings]
    return texts.filter(reduce(operator.or_, found))


def _composed(texts: pl.Series) -> pl.Series:
    odd = texts.str.contains(r"[^\x00-\x7F]").arg_true()
    return texts.clone().scatter(odd, texts.gather(odd).str.normalize("NFC")) if len(odd) else texts


def _unescaped(texts: pl.Series) -> pl.Series:
    rows = texts.str.contains("\\", literal=True).arg_true()
    return texts.clone().scatter(rows, [_undo(text) for text in texts.gather(rows)])


def _undo(text: str) -> str:
    r"""Returns a text with JSON's escapes undone; one that JSON does not know is its letter.

    >>> _undo(r"zo\u00eb \ud83d\ude00 \"x\" \y")
    'zoë 😀 "x" y'
    """

    def meant(found: re.Match[str]) -> str:
        if letter := found[1]:
            return _ESCAPED.get(letter, letter)
        units = bytes.fromhex(found[0].replace("\\u", ""))
        return units.decode("utf-16-be", "replace")

    return _ESCAPE.sub(meant, text)
