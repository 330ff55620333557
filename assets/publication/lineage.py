"""Which versions an artefact was made from, all the way back to the lake."""

from core.artefact import Artefact
from core.errors import IntegrityError
from core.manifest import NAME, read_manifest
from core.store import Store


def lineage(store: Store, artefact: Artefact, *, kept_only: bool = False) -> dict[str, str]:
    """Returns the version of every artefact behind one, by kind, itself included.

    Args:
        store: where they lie.
        artefact: the one.
        kept_only: leave out the versions that are kept no more, and what only they would lead to.

    Raises:
        IntegrityError: two versions of one kind meet in it, or a manifest is damaged.
    """
    found = {artefact.manifest.kind: artefact.version}
    waiting = [artefact.manifest]
    while waiting:
        manifest = waiting.pop()
        for kind, version in sorted(manifest.inputs.items()):
            if kind in found:
                if found[kind] != version:
                    raise IntegrityError(
                        f"{artefact.manifest.kind} {artefact.version} mixes {kind} {found[kind]} "
                        f"and {version}; run the whole date {manifest.as_of} again"
                    )
                continue
            folder = store.place(kind, manifest.as_of, version)
            if kept_only and not (folder / NAME).is_file():
                continue
            found[kind] = version
            waiting.append(read_manifest(folder))
    return found
