"""Who is told what the intake does."""

from typing import Protocol


class Observer(Protocol):
    """Is told by the intake's own threads."""

    def committed(self, nanoseconds: int) -> None:
        """A group of events is on the disk; it took so long."""

    def failed(self) -> None:
        """The disk refused a group of events."""

    def unsealed_since(self, unix_time: float) -> None:
        """When the first event came that is in no landed segment; 0 while there is none."""

    def logged(self, n_written: int, n_dropped: int) -> None:
        """So many more answers were written to the impression log, or dropped."""


class Unobserved:
    """Is told and does nothing."""

    def committed(self, nanoseconds: int) -> None:
        """Does nothing."""

    def failed(self) -> None:
        """Does nothing."""

    def unsealed_since(self, unix_time: float) -> None:
        """Does nothing."""

    def logged(self, n_written: int, n_dropped: int) -> None:
        """Does nothing."""
