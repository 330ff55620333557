"""Which releases are kept and why, and the two steps by which the others go.

First the log retires a release: from then on it is no candidate, nobody pins it or rolls back to
it, and it does not come back. Once that entry is older than the longest reader, the release is
deleted. Both steps can be interrupted anywhere and repeated.

A home's readers follow the home's log, so a release leaves a home by that log alone, however far
ahead the location's is, and the grace counts from when the entry came to the home.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.days import parse_day
from core.departure import age_seconds, delete, sweep
from core.entry_log import file_name
from core.errors import DaybreakError, ReleaseConflict, UsageError
from core.followed_log import show_entries
from core.redactions import newest, remove_superseded
from core.release_location import ReleaseLocation
from core.release_log import ReleaseLog
from core.release_standing import Standing
from core.release_store import ReleaseStore
from core.retention_settings import RetentionSettings

_ATTEMPTS = 5


@dataclass(frozen=True)
class Departures:
    """What a round of clearing up did, or would do.

    Attributes:
        retired: releases that the log retires now, with the reason.
        deleted: releases that are deleted now.
        swept: hidden files and folders that dead writers left.
    """

    retired: dict[str, str]
    deleted: list[str]
    swept: list[Path]


def kept_releases(
    standing: Standing, stored: Iterable[str], settings: RetentionSettings
) -> dict[str, str]:
    """Returns the releases that stay, each with the reason.

    Of one that the log does not know, or that is barred, nobody reads any more; they stay as long
    as a release of their date does, for whoever looks for what went wrong.

    Args:
        standing: what the log says.
        stored: the releases on the disk.
        settings: the limits.
    """
    kept: dict[str, str] = {}
    for experiment, names in sorted(settings.experiments.items()):
        kept |= dict.fromkeys(names, f"experiment {experiment} reads it")
    newest = standing.candidates[: settings.keep_releases + bool(standing.pinned)]
    kept |= {entry.release: "among the newest" for entry in newest}
    filed = [x for x in standing.archived.values() if standing.status(x.release) == "archived"]
    latest = sorted(filed, key=lambda x: x.seq, reverse=True)[: settings.keep_releases]
    kept |= {entry.release: "among the latest archived" for entry in latest}
    oldest = min((entry.as_of for entry in newest), default="")
    for name in stored:
        if standing.status(name) in (None, "barred") and name.rpartition(".")[0] >= oldest:
            kept.setdefault(name, "of a date that is kept")
    return {name: why for name, why in kept.items() if name not in standing.retired}


def clear_releases(
    releases: ReleaseStore,
    settings: RetentionSettings,
    *,
    grace_seconds: float,
    location: ReleaseLocation | None = None,
    is_trial: bool = False,
) -> Departures:
    """Retires what is not kept, and deletes what was retired long enough ago.

    Args:
        releases: where they lie, with their own log.
        settings: the limits.
        grace_seconds: how long ago is long enough.
        location: where machines share releases; its log decides then, and the own one follows.
        is_trial: only look.

    Raises:
        UsageError: an experiment names a release that does not exist, or was retired.
        ReleaseConflict: other writers kept adding to the log; repeat.
        IntegrityError: the log is damaged; nothing is deleted.
        MachineFault: an entry could not be written.
        OSError: the location can't be reached, or the disk failed.
    """
    log = location.log if location else releases.log
    retired: dict[str, str] = {}
    for _ in range(_ATTEMPTS):
        standing = log.standing()
        due = _due(releases, location, standing, settings, grace_seconds)
        try:
            if not is_trial:
                _retire(log, standing.seq, due, retired)
            break
        except ReleaseConflict:
            continue
    else:
        raise ReleaseConflict("five other writers came between; run `daybreak release gc` again")
    if location and not is_trial:
        show_entries(releases.log, location, set(releases.ids()))
    over_here = _over_here(releases, grace_seconds)
    over_there = _over_there(location, grace_seconds) if location else []
    if location and not is_trial:
        for name in over_there:
            location.remove(name)
        for name in location.ids():
            location.remove_superseded(name)  # what a home that had not forgotten yet was pushing
    if not is_trial:
        for name in over_here:
            _delete(releases, name)
    folders = (releases.versions, releases.root / "log")
    swept = [x for folder in folders for x in sweep(folder, grace_seconds, is_trial=is_trial)]
    deleted = sorted({*over_here, *over_there})
    return Departures(due if is_trial else retired, deleted, swept)


def delete_retired(releases: ReleaseStore, grace_seconds: float) -> None:
    """Deletes what the home's own log retired long enough ago, and old litter; here alone."""
    for name in _over_here(releases, grace_seconds):
        _delete(releases, name)
    sweep(releases.versions, grace_seconds)


def _delete(releases: ReleaseStore, name: str) -> None:
    folder = newest(releases.versions / name)
    remove_superseded(folder)  # first, or it would come back under its id
    delete(folder)


def _retire(log: ReleaseLog, seq: int, due: dict[str, str], retired: dict[str, str]) -> None:
    """Adds the retire entries behind entry `seq`, and notes each that is there."""
    for name, reason in due.items():
        as_of = name.rpartition(".")[0]
        seq = log.append("retire", name, as_of, reason=reason, expected_seq=seq).seq
        retired[name] = reason


def _due(
    releases: ReleaseStore,
    location: ReleaseLocation | None,
    standing: Standing,
    settings: RetentionSettings,
    grace_seconds: float,
) -> dict[str, str]:
    """Returns what is to be retired now, by id, with the reason."""
    here = releases.ids()
    there = [name for name in location.ids() if _is_id(name)] if location else []
    stored = {*here, *there}
    _check_experiments(settings, standing, stored)
    kept = kept_releases(standing, stored, settings)
    due = {}
    for name in sorted(stored - kept.keys() - standing.retired.keys()):
        status = standing.status(name)
        ages = [age_seconds(newest(releases.versions / name))] if name in here else []
        if status is None and location and name in there:
            ages.append(location.age_seconds(name))
        if status is None and min(ages) < grace_seconds:
            continue  # its publisher may be about to announce it
        due[name] = f"{status or 'never announced'}, and newer ones are kept"
    return due


def _check_experiments(settings: RetentionSettings, standing: Standing, stored: set[str]) -> None:
    """Raises UsageError where an experiment names what can't be kept: its own may go instead."""
    for experiment, names in sorted(settings.experiments.items()):
        for name in names:
            if name in standing.retired or (standing.status(name) is None and name not in stored):
                was = "was retired" if name in standing.retired else "does not exist"
                raise UsageError(
                    f"[retention] experiments.{experiment} names release {name}, which {was}; "
                    "nothing is cleared up before it is corrected, see `daybreak release list`"
                )


def _is_id(name: str) -> bool:
    """Returns whether a folder at a location is named as a release; others are left alone."""
    try:
        parse_day(name.rpartition(".")[0])
    except DaybreakError:
        return False
    return True


def _over_here(releases: ReleaseStore, grace_seconds: float) -> list[str]:
    """Returns what the home's log knows as retired for long enough, and what still lies here."""
    over = []
    for name, entry in sorted(releases.log.standing().retired.items()):
        age = age_seconds(releases.root / "log" / file_name(entry.seq))
        if newest(releases.versions / name).is_dir() and age >= grace_seconds:
            over.append(name)
    return over


def _over_there(location: ReleaseLocation, grace_seconds: float) -> list[str]:
    """Returns what was retired long enough ago and is there still, if only in parts."""
    retired, there = location.log.standing().retired, set(location.ids())
    return sorted(
        name
        for name in retired.keys() & there
        if location.age_of_entry(retired[name]) >= grace_seconds
    )
