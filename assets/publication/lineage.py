"""Which versions an artefact was made from, all the way back to the lake."""

from core.artefact import Artefact
from core.errors import IntegrityError
from core.manifest import read_manifest
from core.store import Store


def lineage(store: Store, artefact: Artefact) -> dict[str, str]:
    """Returns the version of every artefact behind one, by kind, itself included.

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
            found[kind] = version
            waiting.append(read_manifest(store.root / kind / manifest.as_of / version))
    return found
