"""What the five kinds of incoming file hold: their fields, and how a file is told apart."""

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from core.errors import UnreadableFile
from core.ingest_settings import Mapping
from core.schemas import EVENTS, ITEM_ROWS, TAGS, USER_ROWS, Table

_PLAIN_NAME = re.compile(r"[\w.@+ -]*")
Kind = Literal[
    "id", "action", "time", "number", "integer", "text", "texts", "bool", "object",
    "rung", "ids", "rungs",
]  # fmt: skip


@dataclass(frozen=True)
class Field:
    """One standard column of an incoming file.

    Attributes:
        name: its standard name.
        kind: what a value means, hence which values are legal.
        required: whether a file without it, or a row without its value, is refused.
    """

    name: str
    kind: Kind
    required: bool = False


@dataclass(frozen=True)
class FileKind:
    """One kind of incoming file.

    Attributes:
        prefix: how its files' names begin.
        table: the lake table that its rows become.
        fields: its columns.
    """

    prefix: str
    table: Table
    fields: tuple[Field, ...]

    def required(self, mapping: Mapping) -> list[str]:
        """Returns the fields that a file must have under this mapping."""
        given = {"action"} if mapping.default_action else set()
        return [field.name for field in self.fields if field.required and field.name not in given]


EVENT_FILE = FileKind(
    "events",
    EVENTS,
    (
        Field("event_id", "id"),
        Field("user_id", "id", required=True),
        Field("item_id", "id", required=True),
        Field("action", "action", required=True),
        Field("occurred_at", "time", required=True),
        Field("value", "number"),
        Field("session_id", "text"),
        Field("position", "integer"),
        Field("surface", "text"),
        Field("experiment_id", "text"),
        Field("arm", "text"),
        Field("release", "text"),
        Field("rung", "rung"),
        Field("user_agent", "text"),
        Field("ip_prefix", "text"),
    ),
)
IMPRESSION_FILE = FileKind(
    "impressions",
    EVENTS,
    (
        Field("user_id", "id", required=True),
        Field("occurred_at", "time", required=True),
        Field("release", "text", required=True),
        Field("rung", "rung"),  # the list's: the highest of its items'
        Field("experiment_id", "text"),
        Field("arm", "text"),
        Field("items", "ids", required=True),
        Field("rungs", "rungs", required=True),
    ),
)
ITEM_FILE = FileKind(
    "items",
    ITEM_ROWS,
    (
        Field("item_id", "id", required=True),
        Field("title", "text"),
        Field("category", "text"),
        Field("genres", "texts"),
        Field("creators", "texts"),
        Field("themes", "texts"),
        Field("released_at", "time"),
        Field("available_from", "time"),
        Field("available_until", "time"),
        Field("facts", "object"),
    ),
)
USER_FILE = FileKind(
    "users",
    USER_ROWS,
    (
        Field("user_id", "id", required=True),
        Field("created_at", "time"),
        Field("preferences", "texts"),
        Field("dislikes", "texts"),
        Field("country", "text"),
        Field("opted_out", "bool"),
    ),
)
TAG_FILE = FileKind(
    "tags",
    TAGS,
    (
        Field("item_id", "id", required=True),
        Field("theme", "text", required=True),
        Field("user_id", "id", required=True),
        Field("occurred_at", "time", required=True),
    ),
)
FILE_KINDS = (TAG_FILE, EVENT_FILE, IMPRESSION_FILE, ITEM_FILE, USER_FILE)


def kind_of_table(table: Table) -> FileKind:
    """Returns the kind of file that becomes a lake table, the plain one where there are two."""
    return next(kind for kind in FILE_KINDS if kind.table.name == table.name)


def kind_that_fits(kind: FileKind, columns: Collection[str], mapping: Mapping) -> FileKind:
    """Returns a kind, or the other kind of its table where the columns fit that one alone."""
    others = [one for one in FILE_KINDS if one.table is kind.table and one is not kind]
    return next((one for one in (kind, *others) if _fits(one, columns, mapping)), kind)


def _fits(kind: FileKind, columns: Collection[str], mapping: Mapping) -> bool:
    return set(kind.required(mapping)) <= set(resolve(kind, columns, mapping))


def kind_of_name(file_name: str) -> FileKind | None:
    """Returns the kind that a file's name begins with, or None.

    >>> kind_of_name("items-2026-01-01.csv.gz").prefix
    'items'
    """
    return next((kind for kind in FILE_KINDS if file_name.lower().startswith(kind.prefix)), None)


def kind_of_file(file_name: str, columns: Collection[str], mapping: Mapping) -> FileKind:
    """Returns the kind that a file's name begins with, else the only one that its columns fit.

    A file that has all that an event needs holds events, even if it is called
    `users_interactions.csv`; one that has all that a served list needs but not that, and is called
    `events…`, holds served lists.

    Raises:
        UnreadableFile: neither tells.
    """
    named = kind_of_name(file_name)
    has_ids = {"user_id", "item_id"} <= set(resolve(EVENT_FILE, columns, mapping))
    for kind in FILE_KINDS:
        fits = _fits(kind, columns, mapping)
        if fits and kind is EVENT_FILE and named is not TAG_FILE:
            return kind
        if named is None and fits and (kind is TAG_FILE or not has_ids):
            return kind
    if named is None:
        raise UnreadableFile(
            f"no table fits the columns {listed(columns)}; map them with --columns or begin the "
            "file's name with events, impressions, items, users or tags"
        )
    return kind_that_fits(named, columns, mapping)


def resolve(kind: FileKind, columns: Collection[str], mapping: Mapping) -> dict[str, str]:
    """Returns the source column of each field that a file has.

    A field that the mapping names is read from there; where the file lacks that column, or the
    mapping is silent, from the column of the field's own name.
    """
    found = {}
    for field in kind.fields:
        candidates = (mapping.columns.get(field.name, field.name), field.name)
        if source := next((name for name in candidates if name in columns), None):
            found[field.name] = source
    return found


def check_required(kind: FileKind, columns: Collection[str], mapping: Mapping) -> None:
    """Raises UnreadableFile where a file lacks a required column, naming it and what there is."""
    found = resolve(kind, columns, mapping)
    for name in kind.required(mapping):
        if name not in found:
            source = mapping.columns.get(name, name)
            also = "" if source == name else f" (for {name})"
            raise UnreadableFile(
                f"column {source!r}{also} is missing; the file has {listed(columns)}; "
                f"map it with --columns {name}=…"
            )


def listed(columns: Collection[str]) -> str:
    """Returns column names for people: the first 20; those of more than 40 letters by their length.

    A name is told whole or not at all, and odd ones in quotes: where the first line of a file is no
    header but a record, an id in it must be found again.

    >>> listed(["user", "a,b", "x" * 41])
    'user, "a,b", one of 41 letters'
    """
    names = [_told(name) for name in list(columns)[:20]]
    more = len(columns) - len(names)
    return (", ".join(names) or "no columns") + (f" and {more} more" if more else "")


def _told(name: str) -> str:
    if len(name) > 40:
        return f"one of {len(name)} letters"
    return name if _PLAIN_NAME.fullmatch(name) else json.dumps(name, ensure_ascii=False)
