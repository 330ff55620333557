"""What ingest accepts, and how a source's names and spellings become the standard ones."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from core.columns import ACTIONS
from core.ids import MAX_ID_BYTES, digest

FILE_COLUMNS = (
    "event_id", "user_id", "item_id", "action", "occurred_at", "value", "session_id", "position",
    "surface", "experiment_id", "arm", "release", "rung", "user_agent", "ip_prefix",
    "items", "rungs",
    "title", "category", "genres", "creators", "themes", "released_at", "available_from",
    "available_until", "facts",
    "created_at", "preferences", "dislikes", "country", "opted_out",
    "theme",
)  # fmt: skip
"""The standard column names of files that arrive, over all tables."""

TimeUnit = Literal["auto", "s", "ms", "us", "iso"]
_FROZEN = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)
_Bytes = Annotated[int, Field(ge=1)]


class Mapping(BaseModel):
    """How one source spells what Daybreak calls by its own names."""

    model_config = _FROZEN

    columns: dict[str, str] = {}
    """Source column by standard column: `{user_id = "personId"}`. A standard column that is not
    named here, or whose source column a file lacks, is looked for under its own name."""
    actions: dict[str, str] = {}
    """Standard action by the source's spelling: `{VIEW = "view"}`. The standard actions need no
    entry."""
    default_action: str | None = None
    """The action of rows that name none, for sources that hold a single kind of event."""
    time_unit: TimeUnit = "auto"
    """What a number in a time column counts since 1970: s, ms or us; `auto` decides each row by
    magnitude, `iso` refuses numbers. Under all others a number in a time of an item or a user is a
    year if it has four digits (2025) and a date if its eight digits are one (20250601)."""

    @field_validator("columns")
    @classmethod
    def _columns_are_known(cls, columns: dict[str, str]) -> dict[str, str]:
        for name, source in columns.items():
            if name not in FILE_COLUMNS:
                raise ValueError(
                    f"{name!r} is no standard column; use one of {', '.join(FILE_COLUMNS)}"
                )
            if not source:
                raise ValueError(f"column {name!r} is mapped to an empty name; name its source")
        return columns

    @field_validator("actions")
    @classmethod
    def _actions_are_known(cls, actions: dict[str, str]) -> dict[str, str]:
        for action in actions.values():
            _known_action(action)
        return actions

    @field_validator("default_action")
    @classmethod
    def _default_action_is_known(cls, action: str | None) -> str | None:
        return None if action is None else _known_action(action)


def _known_action(action: str) -> str:
    if action not in ACTIONS:
        raise ValueError(f"{action!r} is no action; use one of {', '.join(ACTIONS)}")
    return action


class IngestSettings(BaseModel):
    """Limits that a file and a row must keep; what breaks them is quarantined, never dropped."""

    model_config = _FROZEN

    mapping: Mapping = Mapping()
    """Names and spellings of the files in the landing zone."""
    earliest: date = date(1990, 1, 1)
    """Events before this day are refused: no behaviour log can mean them."""
    clock_tolerance_hours: int = Field(default=48, ge=0, le=24 * 365)
    """Hours by which an event may lie after the moment it was taken in (device clocks)."""
    missing_spellings: tuple[str, ...] = ("null", "NULL", "None", "nan", "NaN")
    """Texts that stand for a missing id. "0" and "-1" are ids."""
    max_id_bytes: int = Field(default=MAX_ID_BYTES, ge=16, le=MAX_ID_BYTES)
    """Longest id in bytes of UTF-8, 16 to 256: what a server looks up."""
    max_text_bytes: int = Field(default=65_536, ge=256)
    """Longest value of any other text column in bytes of UTF-8."""
    max_record_bytes: int = Field(default=1_048_576, ge=1_024, le=64 * 1_048_576)
    """Longest record of a CSV or JSON lines file in bytes."""
    max_record_lines: int = Field(default=200, ge=1)
    """Most physical lines that one CSV record may span before its quote counts as left open."""
    max_json_depth: int = Field(default=64, ge=2, le=500)
    """Deepest nesting of a JSON record or a `facts` object."""
    max_raw_bytes: int = Field(default=4_096, ge=64)
    """Bytes of a refused record that quarantine keeps."""
    max_file_bytes: _Bytes = 16 * 1024**3
    """Largest file after decompression in bytes."""
    max_compression_ratio: int = Field(default=300, ge=2)
    """Largest decompressed size in bytes for each compressed byte, for files that decompress to
    more than 64 MiB."""
    block_bytes: int = Field(default=16 * 1024**2, ge=1_024)
    """Bytes read at once; bounds memory, changes no result."""
    flush_rows: int = Field(default=500_000, ge=1)
    """Accepted rows held before they are written; bounds memory."""
    max_day_partitions: int = Field(default=366, ge=1)
    """Most days that one write spreads over day folders; beyond it the rows go by month."""


def limits_digest(settings: IngestSettings) -> str:
    """Returns a hash over the limits, without the names and spellings."""
    return digest(settings.model_dump(mode="json", exclude={"mapping"}))
