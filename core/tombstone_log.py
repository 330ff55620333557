"""The tombstone log: numbered entries beside the release log, and the secret of their hashes."""

import secrets
import uuid
from collections.abc import Callable
from pathlib import Path

from core.days import iso, now_us
from core.entry_log import DiskFolder, EntryFolder, EntryLog
from core.errors import IntegrityError, MachineFault, ReleaseConflict
from core.tombstones import SECRET_BYTES, Kind, Secret, Tombstone, Tombstones

SECRET = "secret"
"""The secret's file among the entries: for its owner alone, in a shared folder for its group."""
_PRIVATE = 0o600
_ATTEMPTS = 20


class TombstoneLog:
    """The tombstones under one folder; an entry that exists is never changed."""

    def __init__(self, folder: Path | EntryFolder) -> None:
        self.folder = DiskFolder(folder, _PRIVATE) if isinstance(folder, Path) else folder
        self._log = EntryLog(self.folder, Tombstone, "the tombstone log")
        self._secret: Secret | None = None
        self._n_known = 0

    def last_seq(self) -> int:
        """Returns the highest entry number, without opening a file; 0 for none.

        Raises:
            IntegrityError: there are fewer entries than were read before.
        """
        last = self._log.last_seq()
        if last < self._n_known:
            raise IntegrityError(
                f"{self.folder} ends at entry {last}, it had {self._n_known}; restore it from a "
                "copy of the tombstone log: without it what is hidden would be shown"
            )
        return last

    def state(self) -> Tombstones:
        """Returns what the log amounts to now.

        Raises:
            IntegrityError: an entry, or the secret of its hash, is missing or damaged.
        """
        self.last_seq()
        entries = self._log.entries()
        secret = None
        for entry in entries:
            if entry.user is None:
                continue
            secret = secret or self._read_secret()
            if secret is None or entry.secret != secret.name:
                raise IntegrityError(
                    f"{self.folder}/{SECRET} is {'not there' if secret is None else 'another'} "
                    f"than the one that entry {entry.seq} was made with; restore it: without it "
                    "nobody can tell who is hidden"
                )
        self._n_known = len(entries)
        return Tombstones.after(entries, secret)

    def take_down(self, item_id: str, *, undo: bool = False) -> tuple[Tombstones, bool]:
        """Hides an item whatever the release, or shows it again; see `_append`."""
        kind: Kind = "restore" if undo else "takedown"
        return self._append(kind, lambda now: (item_id in now.items) != undo, item=item_id)

    def opt_out(self, user_id: str, *, undo: bool = False) -> tuple[Tombstones, bool]:
        """Answers a user as one unknown, and trains on nothing of theirs; or ends that."""
        user = self.secret().hash(user_id)
        kind: Kind = "opt_in" if undo else "opt_out"
        return self._append(kind, lambda now: (user in now.opted_out) != undo, user=user)

    def erase(self, user_id: str) -> tuple[Tombstones, bool]:
        """Answers a user as one unknown for ever, and has every stored file rewritten."""
        user = self.secret().hash(user_id)
        return self._append("erase", lambda now: user in now.erased, user=user)

    def note_rewrite(self, through: int) -> None:
        """Notes that a home's files were rewritten for the erasures up to an entry."""
        self._append("rewrite", lambda now: False, through=through)

    def secret(self) -> Secret:
        """Returns the installation's secret, made on first use.

        Raises:
            IntegrityError: its file is damaged.
            MachineFault: it could not be written.
        """
        found = self._read_secret()
        if found is None:
            try:
                self.folder.create(SECRET, secrets.token_hex(SECRET_BYTES).encode() + b"\n")
            except OSError as error:
                raise MachineFault(
                    f"{self.folder}/{SECRET} could not be written ({error}); repeat"
                ) from error
            found = self._read_secret()
        assert found is not None  # this process or another has just created it
        return found

    def _append(
        self,
        kind: Kind,
        is_so: Callable[[Tombstones], bool],
        *,
        item: str | None = None,
        user: str | None = None,
        through: int = 0,
    ) -> tuple[Tombstones, bool]:
        """Adds an entry, unless what it asks for is so already.

        Returns:
            the state, and whether an entry was added.

        Raises:
            IntegrityError: the log is damaged.
            MachineFault: the entry could not be written.
            ReleaseConflict: other writers kept taking the place.
        """
        for _ in range(_ATTEMPTS):
            now = self.state()
            if is_so(now):
                return now, False
            entry = Tombstone(
                seq=now.seq + 1, kind=kind, item=item, user=user, through=through,
                at=iso(now_us()), secret=self.secret().name if user else "",
                nonce=uuid.uuid4().hex,
            )  # fmt: skip
            if self._log.create(entry):
                return self.state(), True
        raise ReleaseConflict(
            f"{_ATTEMPTS} other writers took the place in the tombstone log; repeat"
        )

    def _read_secret(self) -> Secret | None:
        if self._secret is None:
            try:
                text = self.folder.read(SECRET).decode().strip()
                key = bytes.fromhex(text)
            except FileNotFoundError:
                return None
            except (ValueError, OSError) as error:
                raise IntegrityError(
                    f"{self.folder}/{SECRET} cannot be read ({error}); restore it"
                ) from error
            if len(key) != SECRET_BYTES:
                raise IntegrityError(f"{self.folder}/{SECRET} is cut short; restore it")
            self._secret = Secret(key)
        return self._secret
