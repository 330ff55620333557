"""`daybreak release export redis`: a release with its lineage's embeddings, for other teams."""

from typing import Any

from assets.publication.release_vectors import release_vectors
from core.errors import NotFound
from core.home import Home
from core.release_location import deciding_store
from core.release_settings import ReleaseSettings
from core.store import Store
from serving.deciding_location import deciding_location
from serving.redis_connection import connected, shown
from serving.redis_entries import VectorTable
from serving.redis_export import export


def export_to_redis(
    home: Home,
    settings: ReleaseSettings,
    url: str,
    *,
    release: str | None = None,
    grace_seconds: int = 3600,
) -> dict[str, Any]:
    """Writes a release to Redis and points to it.

    Args:
        home: where it lies, with its embeddings where this home made them.
        settings: name the location whose log decides, if any.
        url: of Redis.
        release: its id; the current one by default.
        grace_seconds: how long exports older than the previous one may still be read.

    Returns:
        release, previous, n_keys, n_bytes, expiring (ids), vectors (models), redis (the URL
        without its password).

    Raises:
        NotFound: nothing stands, or the release is not in this home.
        IntegrityError, CheckFailed, MachineFault, UsageError: as `serving.redis_export` does.
    """
    releases = deciding_store(home.releases, deciding_location(home, settings))
    name = release or releases.log.current()
    if name is None:
        raise NotFound("no release stands; run `daybreak run`")
    manifest = releases.manifest(name)
    found = release_vectors(Store(home.artefacts), releases.path(name), manifest)
    vectors = [VectorTable(*one) for one in found]
    with connected(url) as client:
        done = export(
            client, releases, name, vectors,
            must_be_current=release is None, grace_seconds=grace_seconds,
        )  # fmt: skip
    models = sorted({table.model for table in vectors})
    return {**vars(done), "vectors": models, "redis": shown(url)}
