"""Posted events: read, judged, and written as the lines that ingest takes in."""

import re
import time
import unicodedata
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

from core.columns import ACTIONS, OCCURRED_US
from core.days import day_start_us
from core.ingest_settings import IngestSettings
from core.intake_settings import IntakeSettings
from serving.web.answer_types import Rung
from serving.web.problems import Problem

_HIDDEN = {"Cc", "Cf", "Zl", "Zp"}  # categories of letters that no id holds
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_IDS = ("user_id", "item_id", "event_id")
_TEXTS = (
    "session_id", "surface", "experiment_id", "arm", "user_agent", "ip_prefix", "release",
)  # fmt: skip
_PLACE = re.compile(r" - at `\$(?:\.events)?(?:\[(?P<index>[0-9]{1,9})\])?(?:\.(?P<field>\w+))?`$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
_MISSING = re.compile(r"^Object missing required field `(?P<field>\w+)`$")
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What reading JSON raises; only the first is msgspec's own."""
Action: TypeAlias = Literal[
    "impression", "click", "view", "purchase", "rating", "like", "dislike", "hide"
]  # ACTIONS, which a test holds equal
Place = Annotated[int, Meta(ge=0, le=2_147_483_647)]
Moment = Annotated[datetime, Meta(tz=True)]


class Event(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One thing one user did with one item, as it is posted.

    Attributes:
        user_id: who.
        item_id: which item.
        action: what.
        event_id: what it is told apart by, so that one posted twice counts once; made where it
            is absent.
        occurred_at: RFC 3339 text or whole microseconds since 1970; the server's clock where it
            is absent.
        value: stars, amount or seconds, by action; a rating needs it.
        session_id: the visit that it belongs to.
        position: the item's place in what was shown, from 0 or 1 as the client counts.
        surface: the page or list where it happened.
        experiment_id: the experiment that the user took part in.
        arm: the arm of that experiment.
        user_agent: the client's user agent, by which bots are found.
        ip_prefix: the client's shortened address.
        release: of the list that the item was shown on.
        rung: where that list had the item from.
    """

    user_id: str
    item_id: str
    action: Action
    event_id: str | None = None
    occurred_at: Moment | int | None = None
    value: float | None = None
    session_id: str | None = None
    position: Place | None = None
    surface: str | None = None
    experiment_id: str | None = None
    arm: str | None = None
    user_agent: str | None = None
    ip_prefix: str | None = None
    release: str | None = None
    rung: Rung | None = None


class Batch(msgspec.Struct, forbid_unknown_fields=True):
    """Several events.

    Attributes:
        events: all of them are stored, or none.
    """

    events: list[Event]


class _Shape(msgspec.Struct):
    events: msgspec.Raw | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class AcceptedEvents:
    """Events that nothing is wrong with.

    Attributes:
        users: whose they are, by event.
        event_ids: their ids, by event.
        lines: each as a JSON line.
    """

    users: Sequence[str]
    event_ids: Sequence[str]
    lines: Sequence[bytes]


_decode_one = msgspec.json.Decoder(Event).decode
_decode_array = msgspec.json.Decoder(list[Event]).decode
_decode_batch = msgspec.json.Decoder(Batch).decode
_decode_shape = msgspec.json.Decoder(_Shape).decode
_decode_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


class EventReader:
    """Reads bodies under given limits.

    Args:
        settings: how many, how long.
        ingest: what the next run would refuse.
    """

    def __init__(self, settings: IntakeSettings, ingest: IngestSettings) -> None:
        self._settings = settings
        self._ingest = ingest
        first, last = OCCURRED_US.minimum, OCCURRED_US.maximum
        assert first is not None
        assert last is not None
        self._first_us = max(int(first), day_start_us(ingest.earliest))
        self._last_us = int(last)

    def read(self, body: bytes) -> AcceptedEvents | Problem:
        """Returns a body's events, or the first thing that is wrong with it.

        Args:
            body: JSON: one event, an array of them, or `{"events": […]}`.
        """
        try:
            events = _decoded(body)
        except msgspec.ValidationError as error:
            return _invalid(body, str(error))
        except UNREADABLE as error:
            return Problem(400, f"the body is no JSON in UTF-8 ({error}); send one event or a list")
        most = self._settings.max_batch
        if not 1 <= len(events) <= most:
            return Problem(400, f"the body holds {len(events)} events; send 1 to {most} at once")
        return self._judged(events)

    def _judged(self, events: list[Event]) -> AcceptedEvents | Problem:
        limit = self._settings.max_event_bytes
        lines, ids = [], []
        for index, event in enumerate(events):
            fault = self._fault(event)
            if fault is not None:
                field, what = fault
                return Problem(400, f"event {index}: {field} {what}", field, index)
            line = _encode(event) + b"\n"
            if len(line) > limit:
                what = f"event {index} takes {len(line)} bytes, the limit is {limit}; shorten it"
                return Problem(400, what, None, index)
            lines.append(line)
            ids.append(event.event_id or "")
        return AcceptedEvents([event.user_id for event in events], ids, lines)

    def _fault(self, event: Event) -> tuple[str, str] | None:
        """Puts an event into the form that is stored; returns the field at fault, and what is."""
        if event.event_id is None:
            event.event_id = uuid.uuid4().hex
        for name in _IDS:
            text = getattr(event, name)
            if not (text.isascii() and text.isalnum() and len(text) <= 16):
                setattr(event, name, text := _normal(text))
            if fault := self._fault_of_id(text):
                return name, fault
        for name in _TEXTS:
            if (text := getattr(event, name)) is not None:
                setattr(event, name, (text := _normal(text)) or None)
                if "\0" in text:
                    return name, "holds a NUL character; leave it out"
                if len(text.encode()) > self._ingest.max_text_bytes:
                    return name, f"is longer than {self._ingest.max_text_bytes} bytes"
        if event.action == "rating" and event.value is None:
            return "value", "is missing; a rating needs its stars"
        return self._fault_of_time(event)

    def _fault_of_id(self, text: str) -> str | None:
        if not text or text in self._ingest.missing_spellings:
            return f"{text!r} names nothing; give an id"
        if len(text.encode()) > self._ingest.max_id_bytes:
            shown, limit = text[:40], self._ingest.max_id_bytes
            return f"{shown!r}… is longer than {limit} bytes, so it can't be an id"
        if not text.isprintable() and any(unicodedata.category(one) in _HIDDEN for one in text):
            return f"{text[:40]!r} holds a control or invisible character; leave it out"
        return None

    def _fault_of_time(self, event: Event) -> tuple[str, str] | None:
        given = event.occurred_at
        match given:
            case None:
                microseconds = time.time_ns() // 1_000
            case int():
                microseconds = given
            case _:
                microseconds = (given - _EPOCH) // _MICROSECOND
        if not self._first_us <= microseconds <= self._last_us:
            shown = given if isinstance(given, int) else f"{given}"
            first, last = (_moment(us).date() for us in (self._first_us, self._last_us))
            what = f"{str(shown)[:40]} is not between {first} and {last}"
            return "occurred_at", f"{what}; give RFC 3339 text or microseconds since 1970"
        event.occurred_at = _moment(microseconds)
        return None


def _decoded(body: bytes) -> list[Event]:
    if body[:64].lstrip()[:1] == b"[":
        return _decode_array(body)
    if _decode_shape(body).events is not UNSET:
        return _decode_batch(body).events
    return [_decode_one(body)]


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _normal(text: str) -> str:
    """Returns a text as ingest stores it."""
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _invalid(body: bytes, message: str) -> Problem:
    """Returns what does not fit, by the event's place and the field's name, with its value."""
    found = _PLACE.search(message)
    what = message[: found.start()] if found else message
    index = int(found["index"]) if found and found["index"] else 0
    field = found["field"] if found else None
    if missing := _MISSING.match(what):
        field = missing["field"]
        return Problem(400, f"event {index}: {field} is missing", field, index)
    if unknown := _UNKNOWN.match(what):
        field = unknown["field"][:40]
        known = ", ".join(Event.__struct_fields__)
        return Problem(
            400, f"event {index}: {field!r} is no field; those are {known}", field, index
        )
    if field is None:
        return Problem(400, f"event {index}: {what}; send objects", None, index)
    shown = _shown(body, index, field)
    value = f"{field} {shown}" if shown else field
    limits = f"; use one of {', '.join(ACTIONS)}" if field == "action" else ""
    return Problem(400, f"event {index}: {value} does not fit: {what[:100]}{limits}", field, index)


def _shown(body: bytes, index: int, field: str) -> str:
    """Returns a value as it was posted, the first 40 letters, or nothing where none can be shown.

    The body was read up to its first fault, so behind it anything may stand.
    """
    try:
        return _posted(body, index, field).decode()[:40]
    except (*UNREADABLE, LookupError):
        return ""


def _posted(body: bytes, index: int, field: str) -> bytes:
    """Returns a value of a body, as it stands there."""
    events = body
    if body[:64].lstrip()[:1] == b"{":
        batch = _decode_shape(body).events
        events = body if batch is UNSET else bytes(batch)
    if events[:64].lstrip()[:1] == b"[":
        events = bytes(_decode_raws(events)[index])
    return bytes(_decode_fields(events)[field])
