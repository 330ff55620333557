"""From a block of cells to rows of a lake table, each row accepted or refused with its reason."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.ingest.block import Block, refuse
from assets.ingest.catalogue_times import catalogue_times
from assets.ingest.checked import Checked, checked, first_fault
from assets.ingest.distinct import over_distinct
from assets.ingest.fields import EVENT_FILE, IMPRESSION_FILE, ITEM_FILE, Field, FileKind
from assets.ingest.impressions import id_lists, rung_lists, rungs, shown_items, unequal
from assets.ingest.lists import objects, text_lists
from assets.ingest.numbers import flags, numbers, places
from assets.ingest.row_hash import payload_ids
from assets.ingest.text import as_text, free_text, ids, normalised
from assets.ingest.times import plausible, times
from core.columns import ACTIONS
from core.ingest_settings import IngestSettings, Mapping
from core.schemas import EVENTS

_IN_MICROSECONDS = {
    "occurred_at": "occurred_us",
    "released_at": "released_us",
    "available_from": "available_from_us",
    "available_until": "available_until_us",
    "created_at": "created_us",
}
PROVENANCE = ("ingested_us", "source_file")


@dataclass(frozen=True)
class Rules:
    """What rows of one file are held to.

    Attributes:
        kind: what the file holds.
        mapping: how it spells it.
        settings: the limits.
        ingested_us: the moment against which the future is judged.
    """

    kind: FileKind
    mapping: Mapping
    settings: IngestSettings
    ingested_us: int


@dataclass(frozen=True)
class Conformed:
    """A block after its rules: every record is in exactly one of the two.

    A served list is a record that becomes as many rows as it has items, all with its line; one that
    is refused is refused whole, as one.

    Attributes:
        rows: accepted rows in file order: the lake table's columns, except where and when they
            were taken in, with `line`.
        refused: the others, with their raw text and reason.
        n_read: what the account counts as read: records, but a served list as its items.
    """

    rows: pl.DataFrame
    refused: pl.DataFrame
    n_read: int


def conform(block: Block, rules: Rules) -> Conformed:
    """Returns a block's rows in the lake's types.

    Raises:
        UnreadableFile: a column's type cannot hold what the column means.
    """
    n_rows = len(block.lines)
    outcomes = [_field(field, block, rules) for field in rules.kind.fields]
    faults = [outcome.fault for outcome in outcomes if outcome.fault is not None]
    columns = {
        _IN_MICROSECONDS.get(field.name, field.name): outcome.values
        for field, outcome in zip(rules.kind.fields, outcomes, strict=True)
    }
    if rules.kind is EVENT_FILE:
        unrated = (columns["action"] == "rating") & columns["value"].is_null()
        if unrated.any():
            said = pl.when(unrated.fill_null(False)).then(pl.lit("rating without a value"))
            faults.append(pl.select(said.alias("fault")).to_series())
    if rules.kind is IMPRESSION_FILE:
        faults.append(unequal(columns["items"], columns["rungs"]))
    columns["line"] = pl.Series("line", block.lines)
    rows = pl.DataFrame([values.alias(name) for name, values in columns.items()])
    refused = block.refused
    if faults and n_rows:
        fault = first_fault(faults)
        drop = fault.is_not_null().arg_true().to_numpy().astype(np.int64)
        odd = refuse(block.lines[drop], block.raw(drop), fault.gather(drop).to_list())
        refused = pl.concat([refused, odd])
        rows = rows.filter(fault.is_null())
    n_read = block.n_records
    if rules.kind is IMPRESSION_FILE:
        n_read += int(rows["items"].list.len().sum()) - len(rows)
        rows = shown_items(rows)
    return Conformed(_completed(rows, rules.kind), refused, n_read)


def _field(field: Field, block: Block, rules: Rules) -> Checked:
    """Applies one field's rules; a field that the file lacks is null in every row."""
    name, settings = field.name, rules.settings
    nothing = pl.Series(name, [None], pl.String).new_from_index(0, len(block.lines))
    cells = block.cells.get(name, nothing)
    if cells.null_count() == len(cells) and not field.required and field.kind != "bool":
        table_column = _IN_MICROSECONDS.get(name, name)
        return Checked(nothing.cast(rules.kind.table.polars[table_column], strict=False))
    match field.kind:
        case "id":
            return ids(name, cells, settings, required=field.required)
        case "action":
            return _actions(cells, rules.mapping)
        case "time":
            units = rules.mapping.time_unit, block.time_units.get(name)
            if field.required:
                return _judged(name, times(name, cells, *units), rules)
            return catalogue_times(name, cells, *units)
        case "number":
            return numbers(name, cells)
        case "integer":
            return places(name, cells)
        case "texts":
            return text_lists(name, cells, settings)
        case "bool":
            return flags(name, cells)
        case "object":
            return objects(name, cells, settings)
        case "rung":
            return rungs(name, cells)
        case "ids":
            return id_lists(name, cells, settings)
        case "rungs":
            return rung_lists(name, cells)
        case "text":
            outcome = free_text(name, cells, settings)
            return _given(name, outcome) if field.required else outcome


def _judged(name: str, outcome: Checked, rules: Rules) -> Checked:
    """Adds the sanity of event times."""
    fault = plausible(name, outcome.values, rules.settings, rules.ingested_us)
    if outcome.fault is not None:
        fault = first_fault([outcome.fault, fault])
    return checked(outcome.values, fault)


def _given(name: str, outcome: Checked) -> Checked:
    """Adds that a text must be there."""
    missing = pl.when(outcome.values.is_null()).then(pl.lit(f"{name} is missing"))
    fault = pl.select(missing.alias("fault")).to_series()
    if outcome.fault is not None:
        fault = first_fault([outcome.fault, fault])
    return checked(outcome.values, fault)


def _actions(cells: pl.Series, mapping: Mapping) -> Checked:
    """Returns standard actions; an unknown spelling is refused by its name."""
    names = {**{action: action for action in ACTIONS}, **mapping.actions}
    texts, _ = as_text("action", cells)

    def work(column: pl.Series) -> Checked:
        clean = normalised(column).fill_null(pl.lit(mapping.default_action, pl.String))
        known = clean.replace_strict(names, default=None, return_dtype=pl.String)
        said = pl.format(
            "action '{}' is unknown; map it with --actions", clean.str.slice(0, 40)
        ).fill_null("action is missing")
        fault = pl.select(pl.when(known.is_null()).then(said).alias("fault")).to_series()
        return checked(known.alias("action"), fault)

    return over_distinct(texts, work)


def _completed(rows: pl.DataFrame, kind: FileKind) -> pl.DataFrame:
    """Fills what follows from other columns and puts the table's columns in order."""
    if kind.table is EVENTS:
        rows = rows.with_columns(
            occurred_at=pl.col("occurred_us").cast(pl.Datetime("us", "UTC")),
        )
        if rows["event_id"].null_count():
            rows = rows.with_columns(event_id=rows["event_id"].fill_null(payload_ids(rows)))
    elif kind is ITEM_FILE:
        rows = rows.with_columns(category=pl.coalesce("category", pl.col("genres").list.first()))
    wanted = {n: t for n, t in kind.table.polars.items() if n not in PROVENANCE}
    return rows.select(pl.col(name).cast(dtype) for name, dtype in wanted.items())
