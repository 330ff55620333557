"""The last step of the cycle: what the gate passed is looked at once more and then announced."""

from collections.abc import Mapping
from typing import Any

from assets.publication.verdict import Verdict
from core.artefact import Artefact
from core.errors import CheckFailed, IntegrityError, ReleaseConflict
from core.kill_points import reach
from core.release_log import ReleaseEntry, Standing
from core.release_store import ReleaseStore
from serving.reader import open_release

_ATTEMPTS = 5


def announce(
    releases: ReleaseStore,
    release: Artefact,
    document: Mapping[str, Any],
    versions: Mapping[str, str],
) -> ReleaseEntry:
    """Returns the log entry that announces a release, written now or by an earlier run.

    Whoever repeats this after a lost answer finds the entry that was written. A release that was
    retired meanwhile stays so, and its entry is returned.

    Args:
        releases: where it lies.
        release: the version that the gate judged.
        document: the gate's `release`, `champion`, `protocol` and `verdict`.
        versions: by kind, the artefacts in which the verdict and its numbers stand.

    Raises:
        GateRefused: the gate said no, or the release was rolled back.
        CheckFailed: it was held against a champion that no longer stands.
        IntegrityError: what lies on the disk is not what the gate judged.
        ReleaseConflict: other writers kept taking the place in the log.
        MachineFault: the entry could not be written, or nobody knows whether it was.
    """
    Verdict.from_dict(document["verdict"]).require_passed()
    as_of = release.manifest.as_of
    for _ in range(_ATTEMPTS):
        standing = releases.log.standing()
        if entry := _known(standing, release.version):
            return entry
        _check_champion(standing, release, document["champion"])
        _check_bytes(releases, release)
        try:
            return releases.log.append(
                standing.placement(as_of), release.version, as_of,
                reason=f"daily path, {document['protocol']}",
                verdict={**document["verdict"], "versions": dict(versions)},
                content=release.manifest.content_hash, expected_seq=standing.seq,
            )  # fmt: skip
        except ReleaseConflict:
            continue
    raise ReleaseConflict("five other writers took the place in the release log; run again")


def _known(standing: Standing, name: str) -> ReleaseEntry | None:
    """Returns the entry by which a release stands where it does; None where it is to be logged."""
    if name in standing.barred:
        return None  # the log refuses it, and says why
    places = (standing.retired, standing.published, standing.archived)
    return next((place[name] for place in places if name in place), None)


def _check_champion(standing: Standing, release: Artefact, judged: str | None) -> None:
    as_of = release.manifest.as_of
    champion = standing.champion_before(as_of)
    if (champion.release if champion else None) != judged:
        raise CheckFailed(
            f"the gate held {release.version} against {judged}, but "
            f"{champion.release if champion else 'no release'} stands before {as_of} now; "
            f"materialise `gate` for {as_of}"
        )


def _check_bytes(releases: ReleaseStore, release: Artefact) -> None:
    """Holds every byte on the disk against the judged manifest, and asks the golden answers."""
    open_release(release.path).close()
    stored = releases.manifest(release.version)
    if stored.content_hash != release.manifest.content_hash:
        raise IntegrityError(
            f"release {release.version} was changed after the gate judged it; run its date again"
        )
    reach("release_verified")
