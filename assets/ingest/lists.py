"""Lists of texts and objects of facts."""

from collections.abc import Sequence

import polars as pl

from assets.ingest import json_objects
from assets.ingest.checked import Checked, checked, is_not, no_faults
from assets.ingest.sql import quoted, select
from assets.ingest.text import as_text
from core.errors import UnreadableFile
from core.ingest_settings import IngestSettings

_SEPARATOR = "|"


def text_lists(name: str, cells: pl.Series, settings: IngestSettings) -> Checked:
    """Returns lists of distinct texts in the source's order (NFC, trimmed, none empty).

    Reads lists, JSON arrays, and texts joined by `|`; an empty cell is null, an empty list stays.

    Raises:
        UnreadableFile: the column's type holds no lists.
    """
    odd: pl.Series | None = None
    shown = cells
    if isinstance(cells.dtype, pl.List | pl.Array):
        inner = pl.List(cells.dtype.inner).inner
        if not (inner == pl.String or inner == pl.Null or inner.is_integer()):
            raise UnreadableFile(f"column {name!r} has type {cells.dtype}, not a list of texts")
        lists = cells.cast(pl.List(pl.String))
        shown = lists.list.join(_SEPARATOR, ignore_nulls=True)
    else:
        texts, _ = as_text(name, cells)
        shown = texts.str.strip_chars()
        shown = shown.set(shown == "", None)
        lists, odd = _split(shown)
    long = lists.list.eval(pl.element().str.len_bytes().max()).list.first().fill_null(0)
    nul = lists.list.eval(pl.element().str.contains("\0", literal=True).any()).list.first()
    fault = (
        pl.when(long > settings.max_text_bytes)
        .then(pl.lit(f"{name} has an entry longer than {settings.max_text_bytes} bytes"))
        .when(nul.fill_null(False))
        .then(pl.lit(f"{name} holds a NUL character"))
    )
    faults = pl.select(fault.alias("fault")).to_series()
    if odd is not None and odd.any():
        faults = is_not(name, "texts", odd, shown).zip_with(odd, faults)
    return checked(_tidy(lists).alias(name), faults)


def objects(name: str, cells: pl.Series, settings: IngestSettings) -> Checked:
    """Returns JSON object texts, null where empty.

    Refused is what is no object, nests deeper than `max_json_depth`, names a key twice, holds a
    number that is not finite, or is longer than `max_text_bytes`.

    Raises:
        UnreadableFile: the column's type holds no objects.
    """
    if isinstance(cells.dtype, pl.Struct):
        texts = cells.struct.json_encode().set(cells.is_null(), None)
    else:
        texts, _ = as_text(name, cells)
    texts = texts.str.strip_chars()
    texts = texts.set(texts == "", None)
    given = texts.is_not_null().arg_true()
    known = texts.gather(given)
    faults, _ = json_objects.judge_objects(known, settings.max_json_depth)
    late = (
        pl.when(pl.col("f").is_not_null())
        .then(pl.col("f"))
        .when(pl.col("t").str.len_bytes() > settings.max_text_bytes)
        .then(pl.lit(f"longer than {settings.max_text_bytes} bytes"))
        .when(json_objects.non_finite(known))
        .then(pl.lit("a number in it is not finite"))
    )
    said = pl.DataFrame({"f": faults, "t": known}).select(pl.format(f"{name}: {{}}", late))
    return checked(
        texts.alias(name),
        no_faults(len(texts)).scatter(given, said.to_series()),
    )


def _split(texts: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Returns lists from JSON arrays and joined texts, and which texts are broken arrays."""
    is_array = texts.str.starts_with("[").fill_null(False)
    joined = texts.str.split(_SEPARATOR)
    if not is_array.any():
        return joined, pl.Series([False]).new_from_index(0, len(texts))
    arrays = json_arrays(texts.set(~is_array, None))
    return arrays.zip_with(is_array, joined), is_array & arrays.is_null()


def json_arrays(
    texts: pl.Series, refused: Sequence[str] = ("ARRAY", "OBJECT", "BOOLEAN")
) -> pl.Series:
    """Returns JSON arrays as lists of texts; null where a text is none, or holds a refused type."""
    types = ", ".join(map(quoted, refused))
    return select(
        f"""
        select case when try(json_type(t)) = 'ARRAY'
                     and not list_has_any(json_type(t, '$[*]'), [{types}])
               then from_json(t, '["VARCHAR"]') end as a
        from frame
        """,
        frame=texts.alias("t").to_frame(),
    )["a"].cast(pl.List(pl.String))


def _tidy(lists: pl.Series) -> pl.Series:
    """Returns the lists with each entry normalised, none empty, none twice."""
    clean = lists.list.eval(pl.element().str.normalize("NFC").str.strip_chars())
    return clean.list.eval(
        pl.element().filter(pl.element().str.len_bytes() > 0).unique(maintain_order=True)
    )
