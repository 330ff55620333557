"""Why each list row is there: one true reason a row, varied within a list."""

import polars as pl

from assets.explanations.nameable_seeds import nameable_seeds
from assets.explanations.shared_facts import FACT_TYPES, Catalogue, shared_facts
from core.errors import CheckFailed
from core.explanation_settings import ExplanationSettings

_SEPARATOR = "\x1f"
_SIGNALS = {"trending": "is_trending", "new": "is_new", "popular": "is_popular"}
SEEDED = (*FACT_TYPES, "watched_together")
"""Reason types that name the seed item."""


def choose_reasons(
    rows: pl.DataFrame,
    catalogue: Catalogue,
    settings: ExplanationSettings,
    *,
    disliked: pl.DataFrame | None = None,
    list_column: str = "user_id",
) -> pl.DataFrame:
    """Returns the rows in list order, each with the most specific reason that varies the list.

    A type is given only where it is true: a shared fact stands in both fact sheets;
    `watched_together` needs a seed and the source `neighbours` among the row's sources (and
    enough common users where `n_together` is there); a preference must be among the item's
    genres; `trending`, `new`, `popular` need their mark. Types are tried in order of priority;
    in each, the best ranks come first, and rows over the settings' limits go on to the next type.
    What no other type takes gets its most specific reason in spite of the limits, and
    `recommended` where nothing at all applies. A seed of the item's own title and year is named
    by no reason: no sentence could tell the two apart.

    Args:
        rows: `list_column`, rank, item_id, seed_item_id (nullable), sources (list[string]);
            optional: is_trending, is_new, is_popular (bool), preference_genre (string: a genre
            that this user said they like), n_together (int: distinct users with seed and item).
        catalogue: the items; must hold every item of the rows.
        settings: priorities and limits.
        disliked: pairs (`list_column`, item_id) that may never be a seed.
        list_column: what identifies a list.

    Returns:
        The rows' columns, sorted by list and rank, with reason_type, source_item_id (the seed
        where the reason names it, else null), preference (the genre where the reason is
        matches_preference, as the item's sheet spells it) and shared (list of shared facts).

    Raises:
        CheckFailed: a row's item is not in the catalogue.
    """
    ordered = rows.sort(list_column, "rank", "item_id")
    _check_known(ordered, catalogue)
    seeded = nameable_seeds(ordered, catalogue.sheets, disliked, list_column)
    facts = _facts_of_rows(seeded, catalogue, settings)
    applies = _applicable(facts, settings).with_columns(
        list_num=pl.col(list_column).rle_id(), ten=(pl.col("rank") - 1) // 10
    )
    types = [kind for kind in settings.priority if kind != "recommended"]
    chosen = applies.with_columns(reason_type=pl.lit(None, dtype=pl.String))
    for kind in types:
        chosen = _take(chosen, kind, settings)
    any_limit = [pl.when(pl.col(f"_{kind}")).then(pl.lit(kind)) for kind in types]
    final = chosen.with_columns(
        reason_type=pl.coalesce("reason_type", *any_limit, pl.lit("recommended"))
    )
    return _with_subject(final).select(
        *rows.columns, "reason_type", "source_item_id", "preference", "shared"
    )


def _check_known(rows: pl.DataFrame, catalogue: Catalogue) -> None:
    unknown = rows.select("item_id").unique().join(catalogue.sheets, on="item_id", how="anti")
    if unknown.height:
        raise CheckFailed(
            f"{unknown.height} list items are not in `items`, first {unknown['item_id'].min()!r}; "
            "build lists and explanations from the same version of `items`"
        )


def _facts_of_rows(
    rows: pl.DataFrame, catalogue: Catalogue, settings: ExplanationSettings
) -> pl.DataFrame:
    """Adds one column for each fact type: the list of shared facts, or null."""
    pairs = rows.select(source_item_id="seed", target_item_id="item_id").drop_nulls().unique()
    kinds = [kind for kind in settings.priority if kind in FACT_TYPES]
    found = shared_facts(pairs, catalogue, settings.max_facts)
    wide = found.select("source_item_id", "target_item_id").unique()
    for kind in kinds:
        column = found.filter(pl.col("reason_type") == kind).drop("reason_type")
        wide = wide.join(
            column.rename({"shared": kind}), on=["source_item_id", "target_item_id"], how="left"
        )
    known = wide.with_columns(
        pl.col(kind).list.join(_SEPARATOR).rank("dense").alias(f"{kind}_unit") for kind in kinds
    )
    in_catalogue = catalogue.sheets.select(seed="item_id", seed_known=pl.lit(True))
    joined = rows.join(
        known.rename({"source_item_id": "seed", "target_item_id": "item_id"}),
        on=["seed", "item_id"], how="left", maintain_order="left",
    ).join(in_catalogue, on="seed", how="left", maintain_order="left")  # fmt: skip
    spoken = catalogue.tokens.filter(pl.col("reason_type") == "same_genre").select(
        "item_id", genre=pl.col("spoken").str.to_lowercase(), fits="spoken"
    )
    if "preference_genre" not in rows.columns:
        return joined.with_columns(fits=pl.lit(None, dtype=pl.String))
    stated = joined.with_columns(
        genre=pl.col("preference_genre").str.to_lowercase().str.strip_chars()
    )
    return stated.join(spoken, on=["item_id", "genre"], how="left", maintain_order="left")


def _applicable(rows: pl.DataFrame, settings: ExplanationSettings) -> pl.DataFrame:
    """Adds `_<type>` (does it hold?) and `<type>_unit` (what may not be repeated too often)."""
    seed_known = pl.col("seed_known").fill_null(False)
    together = seed_known & pl.col("sources").list.contains("neighbours")
    if "n_together" in rows.columns:
        together &= pl.col("n_together").fill_null(0) >= settings.min_together
    holds = {
        "watched_together": (together, pl.col("seed").rank("dense")),
        "matches_preference": (pl.col("fits").is_not_null(), pl.col("fits").rank("dense")),
    }
    for kind, mark in _SIGNALS.items():
        marked = pl.col(mark) if mark in rows.columns else pl.lit(False)
        holds[kind] = (marked, pl.lit(0))
    for kind in FACT_TYPES:
        if kind in settings.priority:
            holds[kind] = (pl.col(kind).is_not_null(), pl.col(f"{kind}_unit"))
    return rows.with_columns(
        *(test.fill_null(False).alias(f"_{kind}") for kind, (test, _) in holds.items()),
        *(unit.cast(pl.UInt32).alias(f"{kind}_unit") for kind, (_, unit) in holds.items()),
    )


def _take(rows: pl.DataFrame, kind: str, settings: ExplanationSettings) -> pl.DataFrame:
    """Gives one reason type to the rows without one to which it applies, within the limits."""
    fits = pl.col("reason_type").is_null() & pl.col(f"_{kind}")
    candidates = (
        rows.with_row_index("at").filter(fits).select("at", "list_num", "ten", f"{kind}_unit")
    )
    nth = pl.int_range(1, pl.len() + 1)
    few = candidates.filter(nth.over("list_num", f"{kind}_unit") <= settings.max_same_fact)
    taken = few.filter(nth.over("list_num", "ten") <= settings.max_same_type_in_ten)
    mark = pl.Series("taken", [False]).new_from_index(0, rows.height)
    mark = mark.scatter(taken["at"], True) if taken.height else mark
    return rows.with_columns(
        reason_type=pl.when(mark).then(pl.lit(kind)).otherwise(pl.col("reason_type"))
    )


def _with_subject(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds what the chosen reason names: the seed, the preference, the shared facts."""
    reason = pl.col("reason_type")
    shared = [
        pl.when(reason == kind).then(pl.col(kind)) for kind in FACT_TYPES if kind in rows.columns
    ]
    return rows.with_columns(
        source_item_id=pl.when(reason.is_in(SEEDED)).then("seed"),
        preference=pl.when(reason == "matches_preference").then("fits"),
        shared=pl.coalesce(shared) if shared else pl.lit(None, dtype=pl.List(pl.String)),
    )
