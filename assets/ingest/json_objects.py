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

from assets.ingest.checked import no_faults
from assets.ingest.sql import quoted, select

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_MAX_KEYS = 1_000  # keys of one block that are told
_NON_FINITE = r"(?i)nan|inf|[0-9]e\+?[0-9]{3}|[0-9]{300}"


def judge_objects(
    texts: pl.Series, max_depth: int, *, may_nest: bool = True
) -> tuple[pl.Series, list[str]]:
    """Returns for each text why it is no strict JSON object (null where it is), and all keys met.

    Args:
        texts: the texts, none null.
        max_depth: deepest nesting allowed.
        may_nest: whether any text can nest that deep; False spares the search.
    """
    frame = texts.alias("t").to_frame()
    hashes = select("select try(hash(json_keys(t))) as h from frame", frame=frame)["h"]
    faults = pl.select(
        pl.when(hashes.is_null())
        .then(pl.lit("not valid JSON: torn, misspelt, or two values on one line"))
        .alias("fault")
    ).to_series()
    other = (hashes.is_not_null() & ~texts.str.contains(r"^\s*\{")).arg_true()
    if len(other):
        kinds = select("select lower(json_type(t)) as k from frame", frame=frame[other])["k"]
        said = pl.select(pl.format("a JSON {}, not an object", kinds)).to_series()
        faults = faults.scatter(other, said)
    if may_nest and len(deep := _deep(texts, faults.is_null(), max_depth)):
        faults = faults.scatter(deep, f"nested deeper than {max_depth} levels")
    whole = faults.is_null().arg_true()
    repeated, keys = _repeated_keys(texts.gather(whole), hashes.gather(whole))
    if repeated.null_count() < len(repeated):
        said = pl.select(pl.format("key '{}' stands twice", repeated)).to_series()
        faults = faults.scatter(whole, said)
    return faults, keys


def non_finite(texts: pl.Series) -> pl.Series:
    """Returns which JSON texts hold a number that is NaN, infinite or beyond a double, as bool."""
    suspects = texts.str.contains(_NON_FINITE).fill_null(False).arg_true()
    hits = [
        row for row in suspects.to_list() if re.search(_NON_FINITE, _STRING.sub("", texts[row]))
    ]
    return pl.Series(np.isin(np.arange(len(texts)), hits))


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


def _repeated_keys(objects: pl.Series, key_hashes: pl.Series) -> tuple[pl.Series, list[str]]:
    """Returns for each object a key that it holds twice (else null), and all keys met.

    Rows mostly share their keys, so only one object of each list of keys is looked at.
    """
    distinct, first, place = np.unique(
        key_hashes.to_numpy(), return_index=True, return_inverse=True
    )
    samples = objects.gather(first).alias("t").to_frame()
    keys = select("select json_keys(t) as k from samples", samples=samples)["k"]
    twice = (
        keys.to_frame("k")
        .with_row_index("row")
        .filter(pl.col("k").list.n_unique() < pl.col("k").list.len())
        .explode("k", empty_as_null=True, keep_nulls=True)
        .filter(pl.struct("row", "k").is_duplicated())
        .group_by("row")
        .agg(pl.col("k").min())
    )
    repeated = no_faults(len(distinct)).scatter(twice["row"], twice["k"])
    in_order = keys.gather(np.argsort(first))
    met = in_order.explode(empty_as_null=True, keep_nulls=True).drop_nulls()
    return repeated.gather(place), met.unique(maintain_order=True).head(_MAX_KEYS).to_list()


def _deep(texts: pl.Series, whole: pl.Series, max_depth: int) -> list[int]:
    """Returns the rows of whole objects that nest too deep."""
    opened = texts.str.count_matches("{", literal=True) + texts.str.count_matches("[", literal=True)
    suspects = ((opened > max_depth) & whole).arg_true().to_list()
    return [row for row in suspects if _depth(texts[row]) > max_depth]


def _depth(text: str) -> int:
    """Returns how deep a JSON text nests.

    >>> _depth('{"a": [1, "]]"]}')
    2
    """
    steps: NDArray[np.int64] = np.array(
        [1 if mark in "{[" else -1 for mark in re.findall(r"[\[\]{}]", _STRING.sub("", text))]
    )
    return int(np.cumsum(steps).max(initial=0))
