"""Which embeddings were made from the very models that made a release."""

from pathlib import Path

from assets.publication.lineage import lineage
from core.artefact import Artefact
from core.errors import IntegrityError
from core.manifest import Manifest, verify
from core.store import Store

_MODELS = ("als", "two_tower")
SIDES = ("user", "item")


def release_vectors(store: Store, folder: Path, manifest: Manifest) -> list[tuple[str, str, Path]]:
    """Returns (model, side, Parquet file of ids and vectors) of a release; none where it has none.

    A home that only serves, or whose older artefacts are gone, has none.

    Raises:
        IntegrityError: the embeddings' bytes differ from their manifest.
    """
    try:
        behind = lineage(store, Artefact(folder, manifest))
    except IntegrityError:
        return []
    for found in store.versions("embeddings", manifest.as_of):
        if all(behind.get(kind) == version for kind, version in found.manifest.inputs.items()):
            verify(found.path, found.manifest)
            return [
                (model, side, found.file(f"{model}/{side}s.parquet"))
                for model in _MODELS
                for side in SIDES
            ]
    return []
