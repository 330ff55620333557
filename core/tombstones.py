"""What may not be shown any more: items taken down, users who opted out or are erased.

A user stands in it only as a hash that nobody can compute without the installation's secret, so
that the list of those who asked to be forgotten is not itself a list of them.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

Kind = Literal["takedown", "restore", "opt_out", "opt_in", "erase", "rewrite"]

SECRET_BYTES = 32
_HASH_BYTES = 16


@dataclass(frozen=True, slots=True)
class Tombstone:
    """One entry of the tombstone log.

    Attributes:
        seq: its number, from 1 without gaps.
        kind: `takedown` and `restore` name an item; `opt_out`, `opt_in` and `erase` a user;
            `rewrite` says that a home's files, and with them every release that it shares, were
            rewritten for the erasures so far; which home it does not say.
        item: the item's id.
        user: the user's keyed hash.
        through: of a `rewrite`, the last entry whose erasure it carried out.
        at: when, ISO 8601 in UTC.
        secret: which secret the hashes are made with; not the secret.
        nonce: random, so that a writer whose answer was lost knows its own entry again.
    """

    seq: int
    kind: Kind
    item: str | None = None
    user: str | None = None
    through: int = 0
    at: str = ""
    secret: str = ""
    nonce: str = ""


@dataclass(frozen=True)
class Secret:
    """The installation's random key: who has it can test a guess, who has not learns nothing."""

    key: bytes = field(repr=False)

    @cached_property
    def name(self) -> str:
        """What tells this secret from another, and nothing about it."""
        return hashlib.blake2b(b"daybreak", key=self.key, digest_size=8).hexdigest()

    def hash(self, user_id: str) -> str:
        """Returns a user's keyed hash, 32 hex digits."""
        content = user_id.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(content, key=self.key, digest_size=_HASH_BYTES).hexdigest()


@dataclass(frozen=True)
class Tombstones:
    """What the log amounts to.

    Attributes:
        seq: the last entry's number; 0 for an empty log.
        items: ids of the items that are taken down.
        opted_out: hashes of the users who opted out.
        asked: by hash of a user who is erased, the entry that asked for it; nothing undoes that.
        rewritten: up to which entry some home's files, and all shared releases, were rewritten.
        secret: what the hashes are made with; None where no user has a tombstone.
    """

    seq: int = 0
    items: frozenset[str] = frozenset()
    opted_out: frozenset[str] = frozenset()
    asked: Mapping[str, int] = field(default_factory=dict)
    rewritten: int = 0
    secret: Secret | None = None

    @classmethod
    def after(cls, entries: Iterable[Tombstone], secret: Secret | None) -> "Tombstones":
        """Returns the state after the entries, given in order."""
        seq = 0
        items: set[str] = set()
        opted_out: set[str] = set()
        asked: dict[str, int] = {}
        rewritten = 0
        for entry in entries:
            seq = entry.seq
            match entry.kind:
                case "takedown":
                    items.add(str(entry.item))
                case "restore":
                    items.discard(str(entry.item))
                case "opt_out":
                    opted_out.add(str(entry.user))
                case "opt_in":
                    opted_out.discard(str(entry.user))
                case "erase":
                    asked.setdefault(str(entry.user), seq)
                case "rewrite":
                    rewritten = max(rewritten, entry.through)
        return cls(seq, frozenset(items), frozenset(opted_out), asked, rewritten, secret)

    @cached_property
    def erased(self) -> frozenset[str]:
        """Hashes of the users who are erased."""
        return frozenset(self.asked)

    def pending(self, through: int) -> frozenset[str]:
        """Returns the hashes of those whose erasure was asked for behind an entry."""
        return frozenset(user for user, seq in self.asked.items() if seq > through)

    @cached_property
    def hidden(self) -> frozenset[str]:
        """Hashes of all users who are answered as if nobody knew them."""
        return self.opted_out | self.erased

    def hides(self, user_id: str) -> bool:
        """Returns whether a user is to be answered as one that no release knows."""
        return bool(self.hidden) and self.hash(user_id) in self.hidden

    def hash(self, user_id: str) -> str:
        """Returns a user's keyed hash; there must be a secret."""
        assert self.secret is not None
        return self.secret.hash(user_id)
