"""Takes erased users out of reports: JSON, HTML, Markdown and plain text.

JSON stays JSON: ids are looked for in its strings, never among its numbers. In the middle of a text
an id that is a number alone is left, for it cannot be told from a count; no report of ours puts
users there.
"""

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from assets.erasure.version import Version, Write
from core.erased_users import ErasedUsers

SUFFIXES = (".html", ".json", ".md", ".txt")
_ERASED = "erased"
_TAG = re.compile(r"<[^>]*>")


def text_write(version: Version, name: str) -> Write | None:
    """Returns how to write a report anew, or None where it names no erased user.

    Raises:
        ValueError: it is no UTF-8, or no JSON where its name says so.
    """
    content = (version.artefact.path / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        redacted = _redacted_json(content, version.erased)
    else:
        redacted = _redacted_text(content, version.erased)
    if redacted == content:
        return None

    def write(target: Path) -> None:
        target.write_text(redacted, encoding="utf-8")

    return write


def _redacted_json(content: str, erased: ErasedUsers) -> str:
    document = json.loads(content)
    texts: set[str] = set()

    def gather(text: str) -> str:
        texts.add(text)
        return text

    _mapped(document, gather)
    every = pl.Series(sorted(texts), dtype=pl.String)
    whole, within = set(erased.among(every)), _words(every, erased)
    if not (whole or within):
        return content
    redacted = _mapped(document, lambda text: _ERASED if text in whole else _replaced(text, within))
    return json.dumps(redacted, sort_keys=True, indent=1, ensure_ascii=False) + "\n"


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """Returns a JSON value with every string in it changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_mapped(one, change) for one in value]
    if isinstance(value, dict):
        return {change(key): _mapped(one, change) for key, one in value.items()}
    return value


def _redacted_text(content: str, erased: ErasedUsers) -> str:
    """Returns a text without the ids that it names, as they are or as HTML spells them."""
    shown = html.unescape(_TAG.sub("\n", content)).replace("`", "\n")
    lines = pl.Series([content, shown, *shown.splitlines()], dtype=pl.String)
    names = _words(lines, erased)
    names |= {html.escape(name, quote=quote) for name in names for quote in (True, False)}
    return _replaced(content, names)


def _words(texts: pl.Series, erased: ErasedUsers) -> set[str]:
    """Returns the ids in the texts, but those that are numbers alone."""
    stripped = texts.str.strip_chars()
    found = {*erased.names_in(texts), *erased.among(stripped)}
    return {name for name in found if not name.isdecimal()}


def _replaced(text: str, names: set[str]) -> str:
    if not names:
        return text
    any_of = "|".join(re.escape(name) for name in sorted(names, key=lambda x: (-len(x), x)))
    return re.sub(rf"(?<![^\W_])(?:{any_of})(?![^\W_])", _ERASED, text)
