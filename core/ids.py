"""Names that become paths, and hashes that become names."""

import hashlib
import json
import re
from typing import Any

from core.errors import UnsafeName, UsageError

MAX_ID_BYTES = 256
"""Longest user or item id in bytes of UTF-8: what ingest takes and a server looks up."""
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def safe_name(name: str) -> str:
    """Returns the name unchanged if it can only mean an entry of its own folder.

    Raises:
        UnsafeName: it is empty, too long, begins with a dot, or holds anything but ASCII letters,
            digits, `.`, `_` and `-`.
    """
    if not _SAFE.fullmatch(name) or ".." in name:
        raise UnsafeName(
            f"name {name[:80]!r} is not allowed: use 1 to 128 of A-Z a-z 0-9 . _ -, "
            "beginning with a letter or digit, without '..'"
        )
    return name


def check_utf8(text: str, what: str) -> str:
    """Returns a text from a command line unchanged if it can be written and compared as UTF-8.

    Raises:
        UsageError: its bytes were no UTF-8.
    """
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise UsageError(f"{what} is no UTF-8 text: {text[:80]!r}; give it in UTF-8")
    return text


def canonical_json(value: Any) -> bytes:
    """Returns the one JSON spelling of a value: sorted keys, no blanks, no NaN (ValueError)."""
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode()


def digest(value: Any) -> str:
    """Returns the SHA-256 of a JSON value's canonical spelling, in hex."""
    return hashlib.sha256(canonical_json(value)).hexdigest()
