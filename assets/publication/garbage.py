"""Clears a home up: releases that are no longer kept, then the artefacts that nothing refers to.

An artefact stays while it is its date's current one, or while it stands behind a release on the
disk (its tables, the verdict that it passed, the checks of them) or behind a current artefact.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from core.departure import age_seconds, delete_unless_young, sweep
from core.errors import DaybreakError, IntegrityError, MachineFault
from core.home import Home
from core.manifest import Manifest, read_manifest
from core.redactions import version_of
from core.release_location import ReleaseLocation
from core.release_store import ReleaseStore
from core.retention import clear_releases
from core.retention_settings import RetentionSettings
from core.store import Store

Place = tuple[str, str, str]
"""Kind, as-of date and version."""


def clear_up(
    home: Home,
    settings: RetentionSettings,
    location: ReleaseLocation | None = None,
    *,
    grace_seconds: float | None = None,
    is_trial: bool = False,
) -> dict[str, Any]:
    """Clears up; returns what went as a document.

    Args:
        home: where.
        settings: what is kept.
        location: where machines share releases, if they do.
        grace_seconds: another grace than the settings'.
        is_trial: only look.

    Returns:
        retired (reason by release), deleted (releases), artefacts (`kind/date/version`), swept
        (paths), is_trial.

    Raises:
        ReleaseConflict: other writers kept adding to the log.
        IntegrityError: the log is damaged; nothing is deleted.
        MachineFault: the location can't be reached, or the disk failed.
    """
    grace = settings.grace_seconds if grace_seconds is None else grace_seconds
    releases, store = ReleaseStore(home.releases), Store(home.artefacts)
    try:
        gone = clear_releases(
            releases, settings, grace_seconds=grace, location=location, is_trial=is_trial
        )
    except OSError as error:
        raise MachineFault(
            f"{location or home.releases} could not be cleared up ({error.strerror or error}); "
            "what is kept stands, run again"
        ) from error
    places = unused(store, releases, grace)
    if not is_trial:
        places = [x for x in places if delete_unless_young(store.place(*x), grace)]
    dates = [path for path in store.root.glob("*/*") if path.is_dir()]
    swept = [x for folder in dates for x in sweep(folder, grace, is_trial=is_trial)]
    return {
        "retired": gone.retired,
        "deleted": gone.deleted,
        "artefacts": ["/".join(place) for place in places],
        "swept": [str(path.relative_to(home.root)) for path in [*gone.swept, *swept]],
        "is_trial": is_trial,
    }


def unused(store: Store, releases: ReleaseStore, grace_seconds: float) -> list[Place]:
    """Returns the versions that nothing refers to and nobody used of late, sorted.

    Of a date at which the trail cannot be followed, because a manifest on it is damaged, nothing
    is returned.
    """
    stored = {place: _manifest(store, place) for place in _stored(store)}
    used, lost_dates = _used(stored, _roots(store, releases))
    for place, manifest in stored.items():
        if manifest and place[0].startswith("check_"):
            judged = {(kind, place[1], version) for kind, version in manifest.inputs.items()}
            if judged <= used:
                used.add(place)
    return [
        place
        for place in sorted(stored.keys() - used)
        if place[1] not in lost_dates and age_seconds(store.place(*place)) >= grace_seconds
    ]


def _stored(store: Store) -> Iterator[Place]:
    for path in store.root.glob("*/*/[!.]*"):
        if path.is_dir():
            yield path.parent.parent.name, path.parent.name, version_of(path)


def _manifest(store: Store, place: Place) -> Manifest | None:
    try:
        return read_manifest(store.place(*place))
    except IntegrityError:
        return None


def _roots(store: Store, releases: ReleaseStore) -> set[Place]:
    """Returns what is referred to from outside: current versions, and those behind releases."""
    roots = set()
    for path in store.root.glob("*/*/CURRENT"):
        roots.add((path.parent.parent.name, path.parent.name, _text(path)))
    named: dict[str, dict[str, str]] = {}
    for entry in releases.log.entries():
        named.setdefault(entry.release, {}).update((entry.verdict or {}).get("versions", {}))
    for release in releases.ids():
        as_of = release.rpartition(".")[0]
        try:
            inputs = releases.manifest(release).inputs
        except DaybreakError:
            inputs = {"release": ""}  # a place that is not there: its date is left alone
        for kind, version in {**inputs, **named.get(release, {})}.items():
            roots.add((kind, as_of, version))
    return roots


def _used(stored: dict[Place, Manifest | None], roots: set[Place]) -> tuple[set[Place], set[str]]:
    """Returns all that the roots refer to, and the dates at which the trail breaks off."""
    used: set[Place] = set()
    lost_dates = set()
    waiting = list(roots)
    while waiting:
        place = waiting.pop()
        if place in used:
            continue
        used.add(place)
        manifest = stored.get(place)
        if manifest is None:
            lost_dates.add(place[1])
            continue
        waiting += [(kind, place[1], version) for kind, version in manifest.inputs.items()]
    return used, lost_dates


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").strip()
