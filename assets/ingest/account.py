"""Nothing is dropped silently: each file's account must balance."""

from typing import Protocol

from core.errors import CheckFailed


class Account(Protocol):
    """What became of the records of one file."""

    @property
    def source_file(self) -> str:
        """The file's name."""
        ...

    @property
    def read(self) -> int:
        """Records found; a file that cannot be read counts as one, a served list as its items."""
        ...

    @property
    def accepted(self) -> int:
        """Records, or items of served lists, that became rows of the lake."""
        ...

    @property
    def duplicate(self) -> int:
        """Records that repeat an accepted one."""
        ...

    @property
    def quarantined(self) -> int:
        """Records refused, each kept with its reason."""
        ...


def check_account(entry: Account) -> None:
    """Checks that read = accepted + duplicate + quarantined.

    Raises:
        CheckFailed: it does not, or a number is negative.
    """
    parts = (entry.accepted, entry.duplicate, entry.quarantined)
    if min(parts) < 0 or entry.read != sum(parts):
        raise CheckFailed(
            f"{entry.source_file}: read {entry.read}, but accepted {entry.accepted} + duplicate "
            f"{entry.duplicate} + quarantined {entry.quarantined} = {sum(parts)}; "
            "report this file, ingest must not lose rows"
        )
