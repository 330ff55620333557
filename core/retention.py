"""Which releases are kept and why, and the two steps by which the others go.

First the log retires a release: from then on it is no candidate, nobody pins it or rolls back to
it, and it does not come back. Once that entry is older than the longest reader, the release is
deleted. Both steps can be interrupted anywhere and repeated.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core.days import SECOND_US, now_us
from core.departure import age_seconds, delete, sweep
from core.entry_log import DiskFolder
from core.errors import ReleaseConflict
from core.release_standing import ReleaseEntry, Standing
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
    is_trial: bool = False,
) -> Departures:
    """Retires what is not kept, and deletes what was retired long enough ago.

    Args:
        releases: where they lie.
        settings: the limits.
        grace_seconds: how long ago is long enough.
        is_trial: only look.

    Raises:
        ReleaseConflict: other writers kept adding to the log; repeat.
        IntegrityError: the log is damaged; nothing is deleted.
        MachineFault: an entry could not be written.
    """
    retired = _retire(releases, settings, grace_seconds, is_trial)
    standing = releases.log.standing()
    over = sorted(
        name
        for name, entry in standing.retired.items()
        if _age_seconds(entry) >= grace_seconds and (releases.versions / name).is_dir()
    )
    if not is_trial:
        for name in over:
            delete(releases.versions / name)
    log = releases.log.folder
    folders = [releases.versions, *([log.path] if isinstance(log, DiskFolder) else [])]
    swept = [x for folder in folders for x in sweep(folder, grace_seconds, is_trial=is_trial)]
    return Departures(retired, over, swept)


def _retire(
    releases: ReleaseStore, settings: RetentionSettings, grace_seconds: float, is_trial: bool
) -> dict[str, str]:
    """Adds the retire entries; looks again where another writer came between."""
    retired: dict[str, str] = {}
    for _ in range(_ATTEMPTS):
        standing = releases.log.standing()
        due = _due(releases, standing, settings, grace_seconds)
        if is_trial:
            return due
        try:
            seq = standing.seq
            for name, reason in due.items():
                as_of = name.rpartition(".")[0]
                seq = releases.log.append(
                    "retire", name, as_of, reason=reason, expected_seq=seq
                ).seq
                retired[name] = reason
            return retired
        except ReleaseConflict:
            continue
    raise ReleaseConflict("five other writers came between; run `daybreak release gc` again")


def _due(
    releases: ReleaseStore, standing: Standing, settings: RetentionSettings, grace_seconds: float
) -> dict[str, str]:
    """Returns what is to be retired now, by id, with the reason."""
    stored = releases.ids()
    kept = kept_releases(standing, stored, settings)
    due = {}
    for name in stored:
        status = standing.status(name)
        if name in kept or name in standing.retired:
            continue
        if status is None and age_seconds(releases.versions / name) < grace_seconds:
            continue  # its publisher may be about to announce it
        due[name] = f"{status or 'never announced'}, and newer ones are kept"
    return due


def _age_seconds(entry: ReleaseEntry) -> float:
    return now_us() / SECOND_US - datetime.fromisoformat(entry.at).timestamp()
