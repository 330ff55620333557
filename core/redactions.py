"""Which folder holds a version that was rewritten to forget someone.

A version's id never changes, for plans, logs and other versions name it. What changes is its
folder: `<version>`, then `<version>+1` once it was rewritten, then `<version>+2`. The highest with
a manifest is the version; a lower one is on its way out.
"""

import shutil
from pathlib import Path

from core.departure import ASIDE
from core.errors import UnsafeName
from core.ids import safe_name
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


def redaction_of(name: str) -> int:
    """Returns how often the version in a folder of that name was rewritten.

    >>> redaction_of("3f2a91+2"), redaction_of("3f2a91")
    (2, 0)
    """
    number = name.partition("+")[2]
    return int(number) if number.isdecimal() else 0


def safe_folder(name: str) -> str:
    """Returns a folder's name unchanged if it is that of a version, rewritten or not.

    Raises:
        UnsafeName: it could lead out of its own folder.
    """
    version = safe_name(name.partition("+")[0])
    if name not in (version, folder_name(version, redaction_of(name))):
        raise UnsafeName(f"name {name[:80]!r} is not allowed: behind a `+` comes a plain number")
    return name


def newest(folder: Path) -> Path:
    """Returns the folder of a version's last redaction; the one given where it has none."""
    return max(_redactions(folder), key=lambda one: redaction_of(one.name), default=folder)


def remove_superseded(folder: Path) -> None:
    """Removes what a redaction replaced, and what was set aside of it.

    Interrupted anywhere, the next call goes on: what is half removed may have lost its manifest.
    """
    if not (number := redaction_of(folder.name)):
        return
    version = version_of(folder)
    for one in (folder.with_name(version), *folder.parent.glob(f"{version}+*")):
        if redaction_of(one.name) < number and one.is_dir():
            shutil.rmtree(one)
    for prefix in ASIDE:
        for one in folder.parent.glob(f"{prefix}{version}[-+]*"):
            shutil.rmtree(one, ignore_errors=True)  # whoever deletes it may be at it too


def _redactions(folder: Path) -> list[Path]:
    return [path.parent for path in folder.parent.glob(f"{folder.name}+*/{NAME}")]
