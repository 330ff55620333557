"""Which texts are one JSON object each, and what their members say; vectorised over rows.

DuckDB's reader keeps a number's text where it does not fit a machine integer, refuses lone
surrogates, and does not recurse, so that 100,000 open brackets cost nothing. It lets NaN and
Infinity through as numbers: they stay texts here and are refused where they would be used.
"""

import re
from collections.abc import Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.ingest.sql import quoted, select

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NON_FINITE = r"(?i)nan|inf|[0-9]e\+?[0-9]{3}|[0-9]{300}"


def object_faults(texts: pl.Series, max_depth: int) -> pl.Series:
    """Returns for each text why it is no JSON object of bounded depth; null where it is one."""
    kinds = select(
        "select try(json_type(t)) as kind from texts",
        texts=texts.alias("t").to_frame(),
    )["kind"]
    fault = (
        pl.when(kinds.is_null())
        .then(pl.lit("not valid JSON: torn, misspelt, or two values on one line"))
        .when(kinds != "OBJECT")
        .then(pl.format("a JSON {}, not an object", kinds.str.to_lowercase()))
    )
    faults = texts.to_frame("t").select(fault.alias("fault"))["fault"]
    opened = texts.str.count_matches("{", literal=True) + texts.str.count_matches("[", literal=True)
    deep = [
        row
        for row in ((opened > max_depth) & faults.is_null()).fill_null(False).arg_true().to_list()
        if _depth(texts[row]) > max_depth
    ]
    if deep:
        faults = faults.scatter(deep, f"nested deeper than {max_depth} levels")
    return faults


def non_finite(texts: pl.Series) -> pl.Series:
    """Returns which JSON texts hold a number that is NaN, infinite or beyond a double, as bool."""
    suspects = texts.str.contains(_NON_FINITE).fill_null(False).arg_true()
    hits = [
        row for row in suspects.to_list() if re.search(_NON_FINITE, _STRING.sub("", texts[row]))
    ]
    return pl.Series(np.isin(np.arange(len(texts)), hits))


def repeated_keys(objects: pl.Series) -> tuple[pl.Series, list[str]]:
    """Returns for each object a key that it holds twice (else null), and all keys met.

    Rows mostly share their keys, so only one object of each set of keys is looked at.
    """
    frame = objects.alias("t").to_frame()
    hashes = select("select hash(json_keys(t)) as h from frame", frame=frame)["h"].to_numpy()
    distinct, first, place = np.unique(hashes, return_index=True, return_inverse=True)
    samples = frame[np.sort(first)]
    keys = select("select json_keys(t) as k from samples", samples=samples)["k"]
    order = np.argsort(np.argsort(first))  # place of each distinct hash among the samples
    twice = (
        keys.to_frame("k")
        .with_row_index("row")
        .filter(pl.col("k").list.n_unique() < pl.col("k").list.len())
        .explode("k", empty_as_null=True, keep_nulls=True)
        .filter(pl.struct("row", "k").is_duplicated())
        .group_by("row")
        .agg(pl.col("k").min())
    )
    repeated = np.full(len(distinct), None, object)
    repeated[twice["row"].to_numpy()] = twice["k"].to_list()
    met = keys.explode(empty_as_null=True, keep_nulls=True).drop_nulls().unique(maintain_order=True)
    return pl.Series(repeated[order].tolist(), dtype=pl.String).gather(place), met.head(
        1_000
    ).to_list()


def members(objects: pl.Series, keys: Sequence[str]) -> pl.DataFrame:
    """Returns each key's JSON text by row, null where the object lacks it or says null.

    The columns are called "0", "1", … in the keys' order.
    """
    pointers = ", ".join(quoted("/" + key.replace("~", "~0").replace("/", "~1")) for key in keys)
    columns = ", ".join(
        f"nullif(v[{place + 1}]::varchar, 'null') as \"{place}\"" for place in range(len(keys))
    )
    frame = objects.alias("t").to_frame()
    return select(
        f"select {columns} from (select json_extract(t, [{pointers}]) as v from frame)", frame=frame
    )


def unquoted(values: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, bool]]:
    """Returns JSON texts with strings as what they say, and which columns hold only strings.

    Other values keep their JSON text. Escapes are decoded only where there are any.
    """
    is_string = pl.all().str.starts_with('"')
    facts = values.select(
        is_string.all().name.suffix(":string"),
        pl.all().str.contains("\\", literal=True).any().name.suffix(":escaped"),
    ).row(0, named=True)
    plain = values.select(
        pl.when(is_string).then(pl.all().str.slice(1).str.head(-1)).otherwise(pl.all())
    )
    for name in values.columns:
        if facts[f"{name}:escaped"]:
            rows = (
                values[name].str.starts_with('"') & values[name].str.contains("\\", literal=True)
            ).arg_true()
            decoded = select(
                "select json_extract_string(t, '$') as t from frame",
                frame=values[name].gather(rows).alias("t").to_frame(),
            )["t"]
            plain = plain.with_columns(plain[name].scatter(rows, decoded))
    return plain, {name: facts[f"{name}:string"] for name in values.columns}


def _depth(text: str) -> int:
    """Returns how deep a JSON text nests.

    >>> _depth('{"a": [1, "]]"]}')
    2
    """
    steps: NDArray[np.int64] = np.array(
        [1 if mark in "{[" else -1 for mark in re.findall(r"[\[\]{}]", _STRING.sub("", text))]
    )
    return int(np.cumsum(steps).max(initial=0))
