"""Reads what a request asks for; nothing from outside goes further without passing here."""

import unicodedata
from collections.abc import Mapping
from urllib.parse import unquote_plus

import msgspec

from core.ids import MAX_ID_BYTES
from serving.layout import MAX_COUNT
from serving.session_blend import MAX_SEEDS
from serving.web.problems import Problem

DEFAULT_COUNT = 10
MAX_GENRES = 20


class RecommendationRequest(msgspec.Struct, frozen=True):
    """A request for `/v1/recommendations`.

    Attributes:
        user_id: whose list; NFC and trimmed, as ingest stores ids.
        count: how many items, 1 to 50.
        genres: what to prefer where the personal list falls short.
        session: ids of the items just looked at, the last one last.
    """

    user_id: str
    count: int
    genres: tuple[str, ...] = ()
    session: tuple[str, ...] = ()


def parse_recommendation(query: str) -> RecommendationRequest | Problem:
    """Returns the request that a query string makes, or what is wrong with it."""
    fields = parse_query(query)
    if isinstance(fields, Problem):
        return fields
    user_id = parse_id(fields.get("user_id", ""), "user_id")
    if isinstance(user_id, Problem):
        return user_id
    if len(fields) == 1:  # as most ask
        return RecommendationRequest(user_id, DEFAULT_COUNT)
    count = parse_count(fields)
    if isinstance(count, Problem):
        return count
    genres = _parse_names(fields, "genres", MAX_GENRES)
    if isinstance(genres, Problem):
        return genres
    session = _parse_names(fields, "session", MAX_SEEDS)
    if isinstance(session, Problem):
        return session
    return RecommendationRequest(user_id, count, genres, session)


def parse_query(query: str) -> dict[str, str] | Problem:
    """Returns a query string's parameters; a repeated or undecodable one is a problem."""
    fields: dict[str, str] = {}
    is_encoded = "%" in query or "+" in query
    for part in query.split("&"):
        name, _, value = part.partition("=")
        try:
            if is_encoded:
                name, value = _decode(name), _decode(value)
        except UnicodeDecodeError:
            return Problem(400, "the query string is not UTF-8; encode it as UTF-8, then percent")
        if name in fields:
            return Problem(400, f"{name[:40]!r} is given twice; give it once", name[:40])
        if name:
            fields[name] = value
    return fields


def parse_count(fields: Mapping[str, str]) -> int | Problem:
    """Returns the `count` parameter, 10 where it is absent."""
    text = fields.get("count")
    if text is None:
        return DEFAULT_COUNT
    if text.isascii() and text.isdecimal() and len(text) <= 9 and 1 <= int(text) <= MAX_COUNT:
        return int(text)
    return Problem(400, f"count {text[:40]!r} is not a whole number from 1 to {MAX_COUNT}", "count")


def parse_id(text: str, name: str) -> str | Problem:
    """Returns a user's or item's id as ingest would store it."""
    found = _normal(text)
    if not found:
        return Problem(400, f"{name} is missing or empty; give it as {name}=…", name)
    if (len(found) if found.isascii() else len(found.encode())) > MAX_ID_BYTES:
        return Problem(400, f"{name} is longer than {MAX_ID_BYTES} bytes, so it can't be one", name)
    return found


def parse_prefix(text: str) -> str | Problem:
    """Returns how an id begins, as `parse_id` would spell it; it may be empty."""
    return parse_id(text, "prefix") if _normal(text) else ""


def _parse_names(fields: Mapping[str, str], name: str, most: int) -> tuple[str, ...] | Problem:
    """Returns a parameter's names, split at commas; blank ones are left out."""
    text = fields.get(name)
    if not text:
        return ()
    n_names = text.count(",") + 1
    if n_names > most:
        return Problem(400, f"{name} has {n_names} names, at most {most} are allowed", name)
    return tuple(x for x in (_normal(part) for part in text.split(",")) if x)


def _decode(text: str) -> str:
    return unquote_plus(text, errors="strict")


def _normal(text: str) -> str:
    text = text.strip()
    return text if text.isascii() else unicodedata.normalize("NFC", text)
