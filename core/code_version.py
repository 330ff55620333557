"""Which code computed an artefact."""

import functools
import hashlib
from pathlib import Path

_PACKAGES = ("core", "assets", "training", "serving", "expectations")


@functools.cache
def code_version() -> str:
    """Returns a 12-digit hash over the sources of every package that shapes an artefact.

    A change to any of them gives new versions, so a stored artefact is never reused across code.
    """
    root = Path(__file__).resolve().parent.parent
    content = hashlib.sha256()
    for package in _PACKAGES:
        for source in sorted((root / package).rglob("*.py")):
            content.update(source.relative_to(root).as_posix().encode())
            content.update(source.read_bytes())
    return content.hexdigest()[:12]
