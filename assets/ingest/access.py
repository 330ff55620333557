"""A file as it lies outside: its name as text, and the error where it cannot be had at all."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from core.errors import InputError


def file_name(path: Path) -> str:
    """Returns a file's name as text, bytes that are no UTF-8 as `\\xNN`."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


@contextlib.contextmanager
def accessible(path: Path) -> Iterator[None]:
    """Turns what the file system says against a file into InputError: it waits for another time."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{file_name(path)} cannot be opened ({error.strerror}); check it"
        ) from error
