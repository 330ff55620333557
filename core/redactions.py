"""Which folder holds a version that was rewritten to forget someone.

A version's id never changes, for plans, logs and other versions name it. What changes is its
folder: `<version>`, then `<version>+1` once it was rewritten, then `<version>+2`. The highest with
a manifest is the version; a lower one is on its way out.
"""

import shutil
from pathlib import Path

from core.manifest import NAME


def folder_name(version: str, redaction: int) -> str:
    """Returns the name of a version's folder.

    >>> folder_name("3f2a91", 0), folder_name("3f2a91", 2)
    ('3f2a91', '3f2a91+2')
    """
    return f"{version}+{redaction}" if redaction else version


def version_of(folder: Path) -> str:
    """Returns the id of the version that a folder holds.

    >>> version_of(Path("users/2025-04-02/3f2a91+2"))
    '3f2a91'
    """
    return folder.name.partition("+")[0]


def newest(folder: Path) -> Path:
    """Returns the folder of a version's last redaction; the one given where it has none."""
    return max(_redactions(folder), key=_number, default=folder)


def remove_superseded(folder: Path) -> None:
    """Removes what a redaction replaced; interrupted, the next call goes on."""
    first = folder.with_name(version_of(folder))
    for one in (first, *_redactions(first)):
        if _number(one) < _number(folder) and one.is_dir():
            shutil.rmtree(one)


def _redactions(folder: Path) -> list[Path]:
    return [path.parent for path in folder.parent.glob(f"{folder.name}+*/{NAME}")]


def _number(folder: Path) -> int:
    number = folder.name.partition("+")[2]
    return int(number) if number.isdecimal() else 0
