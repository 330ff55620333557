"""One stored version on its way to forget someone, and what its files are read with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from assets.erasure import tables
from core.artefact import Artefact
from core.erased_users import ErasedUsers
from core.errors import IntegrityError, NotFound
from core.home import Home
from core.schemas import USERS
from core.store import Store

Write = Callable[[Path], int | None]
"""Writes a file anew; returns its rows where it is a table."""


class InputLost(IntegrityError):
    """A version whose numbers can't be told from names, for what gave them is kept no more."""


@dataclass(frozen=True)
class Version:
    """A version, where it lies, and who is erased."""

    home: Home
    store: Store
    artefact: Artefact
    erased: ErasedUsers

    @cached_property
    def gone_nums(self) -> list[int]:
        """The user numbers of the erased in this version."""
        return tables.gone_nums(self.input("users").table_path(USERS), self.erased)

    def input(self, kind: str) -> Artefact:
        """Returns the version of a kind that this one was made from; raises InputLost."""
        manifest = self.artefact.manifest
        try:
            return self.store.version(kind, manifest.as_of, manifest.inputs[kind])
        except (KeyError, NotFound) as error:
            raise InputLost(
                f"{self.artefact.path} cannot be rewritten without the {kind} that it was made from"
            ) from error
