"""The artefact store: immutable versions, staged, flushed, then renamed into place."""

import dataclasses
import os
import shutil
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.artefact import Artefact, open_artefact
from core.code_version import code_version
from core.departure import DAMAGED, STAGING, hide
from core.durable import flush_folder, replace_file
from core.errors import IntegrityError, NotFound, NotReproducible, UnsafeName
from core.ids import digest, safe_name
from core.kill_points import reach
from core.manifest import NAME, Manifest, library_versions, verify
from core.redactions import folder_name, newest, remove_superseded, version_of
from core.staging import Staging, flushed_records


@dataclass(frozen=True)
class Plan:
    """Everything that determines an artefact's content, before it is computed.

    Attributes:
        kind: the artefact's name.
        as_of: the as-of date, `YYYY-MM-DD`.
        inputs: version of each input artefact by kind.
        config: the settings that shape it, as JSON values.
        seed: the root seed.
    """

    kind: str
    as_of: str
    inputs: Mapping[str, str]
    config: Mapping[str, Any]
    seed: int

    @property
    def version(self) -> str:
        """Hash over the plan and the code: the same version means the same content."""
        known = [self.kind, self.as_of, dict(self.inputs), dict(self.config), self.seed]
        return digest([*known, code_version()])[:16]


class Store:
    """Artefact versions under `<root>/<kind>/<as-of>/<version>/`, and which one is current."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def find(self, plan: Plan) -> Artefact | None:
        """Returns the plan's stored version, or None; raises IntegrityError if it is damaged.

        Only the manifest is looked at; see `find_whole`.
        """
        folder = self.place(plan.kind, plan.as_of, plan.version)
        return open_artefact(folder, plan.kind, plan.as_of) if folder.is_dir() else None

    def find_whole(self, plan: Plan) -> Artefact | None:
        """Returns the plan's stored version after a look at every byte, or None.

        It counts as written just now, so that no clearing up takes it from under its user.

        Raises:
            IntegrityError: it is damaged.
        """
        found = self.find(plan)
        if found is not None:
            os.utime(found.path)
            verify(found.path, found.manifest)
        return found

    def set_aside(self, plan: Plan) -> Path:
        """Puts a plan's damaged version under a hidden name beside its place; returns where."""
        hidden = hide(self.place(plan.kind, plan.as_of, plan.version), DAMAGED)
        reach("damaged_set_aside")
        return hidden

    def current(self, kind: str, as_of: str) -> Artefact:
        """Returns the version that the latest run of that date made or confirmed.

        Raises:
            NotFound: that date has none yet.
            IntegrityError: the pointer names no version, or the manifest of the one that it
                names is damaged or another's.
        """
        folder = self._folder(kind, as_of)
        try:
            version = safe_name((folder / "CURRENT").read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            raise NotFound(
                f"there is no {kind} as of {as_of}; run `daybreak run --as-of {as_of}`"
            ) from None
        except (UnsafeName, UnicodeDecodeError):
            raise IntegrityError(
                f"{folder / 'CURRENT'} names no version; run `daybreak run --as-of {as_of}`"
            ) from None
        return open_artefact(newest(folder / version), kind, as_of)

    def place(self, kind: str, as_of: str, version: str) -> Path:
        """Returns the folder of a version, rewritten or not, whether or not it is there."""
        return newest(self._folder(kind, as_of) / safe_name(version))

    def version(self, kind: str, as_of: str, version: str) -> Artefact:
        """Returns one stored version, current or not.

        Raises:
            NotFound: there is none.
            IntegrityError: its manifest is damaged or another's.
        """
        folder = self.place(kind, as_of, version)
        if not (folder / NAME).is_file():
            raise NotFound(f"there is no {kind} {version} as of {as_of}")
        return open_artefact(folder, kind, as_of)

    def versions(self, kind: str, as_of: str) -> list[Artefact]:
        """Returns every stored version of a kind and date, by version."""
        folder = self._folder(kind, as_of)
        names = {version_of(path.parent) for path in folder.glob(f"[!.]*/{NAME}")}
        return [open_artefact(newest(folder / name), kind, as_of) for name in sorted(names)]

    def dates(self, kind: str) -> list[str]:
        """Returns the as-of dates for which a kind exists, ascending."""
        return sorted(p.parent.name for p in (self.root / safe_name(kind)).glob("*/CURRENT"))

    def begin(self, plan: Plan) -> Staging:
        """Opens an empty staging folder for a plan."""
        folder = self._folder(plan.kind, plan.as_of) / f"{STAGING}{uuid.uuid4().hex}"
        folder.mkdir(parents=True)
        return Staging(folder)

    def commit(self, plan: Plan, staging: Staging) -> Artefact:
        """Flushes and renames a staged version into place; returns it.

        Where the version exists already the staged bytes must equal it; where it was rewritten
        it stands as it is, for what was staged may hold what was to be forgotten.

        Raises:
            NotReproducible: the version exists with other content.
            IntegrityError: the version exists and is damaged.
        """
        reach("artefact_staged")
        manifest = Manifest(
            kind=plan.kind, version=plan.version, as_of=plan.as_of,
            files=flushed_records(staging), inputs=dict(plan.inputs), config=dict(plan.config),
            seed=plan.seed, code_version=code_version(), facts=staging.facts,
            libraries=dict(library_versions()),
        )  # fmt: skip
        reach("artefact_flushed")
        folder = self._folder(plan.kind, plan.as_of)
        final = folder / plan.version
        if newest(final) != final:
            shutil.rmtree(staging.path)
            return open_artefact(newest(final), plan.kind, plan.as_of)
        replace_file(staging.path / NAME, manifest.to_bytes())
        reach("artefact_described")
        try:
            staging.path.rename(final)
        except OSError:
            existing = self.find(plan)
            if existing is None:
                raise
            shutil.rmtree(staging.path)
            verify(existing.path, existing.manifest)
            if existing.manifest.content_hash != manifest.content_hash:
                raise NotReproducible(
                    f"{plan.kind} {plan.version} as of {plan.as_of} came out differently from "
                    f"the stored one; find the unseeded or unordered step in its code"
                ) from None
            return existing
        try:
            flush_folder(folder)
        except OSError:
            final.rename(staging.path)  # nobody knows that it is on the disk: abandoned
            raise
        reach("artefact_committed")
        return Artefact(final, manifest)

    def abandon(self, staging: Staging) -> None:
        """Removes a staging folder whose build failed."""
        shutil.rmtree(staging.path, ignore_errors=True)

    def begin_redaction(self, artefact: Artefact) -> Staging:
        """Opens an empty staging folder beside a version that is to be rewritten."""
        folder = artefact.path.parent / f"{STAGING}{uuid.uuid4().hex}"
        folder.mkdir()
        return Staging(folder)

    def redact(
        self,
        artefact: Artefact,
        staging: Staging,
        claim: Callable[[Manifest], Manifest] = lambda manifest: manifest,
    ) -> Artefact:
        """Puts a rewritten version in the place of one, under the same id; returns it.

        It gets a folder and a manifest of its own, and every look-up finds it from the moment
        that it has them. Only then is the old one deleted: whoever has its files open keeps them.

        Args:
            artefact: what it replaces.
            staging: its files; its `facts` become the version's.
            claim: is given its manifest and returns the one that counts: where others hold the
                version too, they agree on its redaction's number.
        """
        old = artefact.manifest
        reach("redaction_staged")
        manifest = claim(
            dataclasses.replace(
                old, files=flushed_records(staging), facts=staging.facts,
                redaction=old.redaction + 1,
            )
        )  # fmt: skip
        replace_file(staging.path / NAME, manifest.to_bytes())
        reach("redaction_described")
        final = artefact.path.with_name(folder_name(old.version, manifest.redaction))
        staging.path.rename(final)
        flush_folder(final.parent)
        reach("redaction_committed")
        remove_superseded(final)
        return Artefact(final, manifest)

    def make_current(self, artefact: Artefact) -> None:
        """Points its date's `current` at a version."""
        folder = self._folder(artefact.manifest.kind, artefact.manifest.as_of)
        replace_file(folder / "CURRENT", artefact.version.encode() + b"\n")
        reach("pointer_moved")

    def _folder(self, kind: str, as_of: str) -> Path:
        return self.root / safe_name(kind) / safe_name(as_of)
