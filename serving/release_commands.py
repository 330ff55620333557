"""What `daybreak release …` does, as functions that return plain dicts."""

from typing import Any

from core.errors import CheckFailed, DaybreakError, NotFound
from core.home import Home
from core.ids import check_utf8
from core.release_location import ReleaseLocation, deciding_store, find_location
from core.release_log import Action, ReleaseEntry
from core.release_pull import follow
from core.release_store import ReleaseStore
from core.settings import load_settings
from serving.current_release import age_seconds
from serving.deciding_location import deciding_location
from serving.reader import Verified, open_release


def list_releases(home: Home) -> list[dict[str, Any]]:
    """Returns every release that is stored or logged, newest as-of date first.

    What was retired and is deleted is left out.

    Returns:
        Rows of release, as_of, status (`published`, `archived`, `barred`, `retired`, or None where
        the log does not know it), is_current, is_pinned, is_stored (here), is_shared (at the
        location, if one is set), and at and reason of the entry that decided the status.

    Raises:
        IntegrityError: the log is damaged.
    """
    location = _location()
    releases = deciding_store(home.releases, location)
    standing = releases.log.standing()
    stored = set(releases.ids())
    entries = {
        **standing.archived, **standing.published, **standing.retired, **standing.barred
    }  # fmt: skip
    gone = {name for name in entries if standing.status(name) == "retired"} - stored
    current = standing.candidates[0].release if standing.candidates else None
    rows = [
        {
            "release": name,
            "as_of": entries[name].as_of if name in entries else name.rpartition(".")[0],
            "status": standing.status(name),
            "is_current": name == current,
            "is_pinned": name == standing.pinned,
            "is_stored": name in stored,
            "is_shared": location is not None and location.holds(name),
            "at": entries[name].at if name in entries else None,
            "reason": entries[name].reason if name in entries else None,
        }
        for name in (stored | set(entries)) - gone
    ]
    return sorted(rows, key=lambda x: (x["as_of"], x["at"] or "", x["release"]), reverse=True)


def current_release(home: Home) -> dict[str, Any]:
    """Returns release, as_of, at, age_seconds, is_pinned and verdict of what is to be served.

    Raises:
        NotFound: nothing stands.
        IntegrityError: the log or the release's manifest is damaged.
    """
    location = _location()
    releases = deciding_store(home.releases, location)
    standing = releases.log.standing()
    if not standing.candidates:
        raise NotFound("no release stands; run `daybreak run`")
    entry = standing.candidates[0]
    _check_described(releases, location, entry.release)
    return {
        "release": entry.release,
        "as_of": entry.as_of,
        "at": entry.at,
        "age_seconds": age_seconds(entry),
        "is_pinned": entry.release == standing.pinned,
        "verdict": entry.verdict,
    }


def verify_release(home: Home, release: str | None = None) -> dict[str, Any]:
    """Checks every byte of a release, and its golden answers; returns release, files and bytes.

    Args:
        home: where the releases lie.
        release: which one; the current one by default.

    Raises:
        NotFound: there is no such release.
        IntegrityError: naming what is damaged.
    """
    releases = deciding_store(home.releases, _location())
    name = release or releases.log.current()
    if name is None:
        raise NotFound("no release stands; run `daybreak run`")
    open_release(releases.path(name)).close()
    files = releases.manifest(name).files
    return {
        "release": name,
        "files": len(files),
        "bytes": sum(record.bytes for record in files.values()),
    }


def rollback(home: Home, to: str | None = None, *, reason: str) -> dict[str, Any]:
    """Bars the current release for ever; returns rolled_back (ids) and current.

    Args:
        home: where the releases lie.
        to: bar everything that goes before this release, so that it is served.
        reason: why, in one line; everyone who meets the barred release will read it.

    Raises:
        UsageError: the reason is no UTF-8.
        NotFound: nothing stands, or `to` does not.
        CheckFailed: nothing would be left to serve, `to` is current already, or a pin is in force.
        IntegrityError: `to`, or the log, is damaged.
        ReleaseConflict: another writer was faster.
    """
    check_utf8(reason, "the reason")
    location = _deciding(home)
    releases = deciding_store(home.releases, location)
    standing = releases.log.standing()
    names = [entry.release for entry in standing.candidates]
    if not names:
        raise NotFound("no release stands, so there is none to roll back")
    n_out = 1
    if to is not None:
        if standing.pinned:
            raise CheckFailed(f"release {standing.pinned} is pinned; unpin it before `--to`")
        standing.check("rollback", to)
        n_out = names.index(to)
        if n_out == 0:
            raise CheckFailed(f"release {to} is current already")
        _check_usable(releases, location, to)
    target = _first_usable(releases, location, names[n_out:])
    seq = standing.seq
    # What is served stays so until the last entry, and goes from there to the target in one step:
    # nobody serves a release on its way out, and a command that was interrupted can be repeated.
    for entry in reversed(standing.candidates[:n_out]):
        seq = releases.log.append(
            "rollback", entry.release, entry.as_of, reason=reason, expected_seq=seq
        ).seq
    _follow(home, location)
    return {"rolled_back": names[:n_out], "current": target}


def pin(home: Home, release: str, *, reason: str) -> dict[str, Any]:
    """Keeps a published release current whatever is published; returns release and seq.

    Raises:
        UsageError: the reason is no UTF-8.
        NotFound: it is not published.
        GateRefused: it was rolled back.
        CheckFailed: it is pinned already.
        IntegrityError: it, or the log, is damaged.
    """
    check_utf8(reason, "the reason")
    location = _deciding(home)
    releases = deciding_store(home.releases, location)
    standing = releases.log.standing()
    standing.check("pin", release)
    _check_usable(releases, location, release, verify="all")
    added = _append(releases, "pin", standing.published[release], reason, standing.seq)
    _follow(home, location)
    return added


def unpin(home: Home, *, reason: str) -> dict[str, Any]:
    """Lets the newest release be current again; returns release and seq of the entry.

    Raises:
        UsageError: the reason is no UTF-8.
        NotFound: none is pinned.
        IntegrityError: the log is damaged.
    """
    check_utf8(reason, "the reason")
    location = _deciding(home)
    releases = deciding_store(home.releases, location)
    standing = releases.log.standing()
    if standing.pinned is None:
        raise NotFound("no release is pinned")
    entry = standing.published[standing.pinned]
    added = _append(releases, "unpin", entry, reason, standing.seq)
    _follow(home, location)
    return added


def _deciding(home: Home) -> ReleaseLocation | None:
    return deciding_location(home, load_settings().releases)


def _location() -> ReleaseLocation | None:
    return find_location(load_settings().releases)


def _follow(home: Home, location: ReleaseLocation | None) -> None:
    """Shows this home's readers at once what was decided at the location."""
    if location is not None:
        follow(ReleaseStore(home.releases), location)


def _append(
    releases: ReleaseStore, action: Action, entry: ReleaseEntry, reason: str, seen: int
) -> dict[str, Any]:
    added = releases.log.append(
        action, entry.release, entry.as_of, reason=reason, expected_seq=seen
    )
    return {"release": entry.release, "seq": added.seq}


def _check_usable(
    releases: ReleaseStore,
    location: ReleaseLocation | None,
    release: str,
    verify: Verified = "nothing",
) -> None:
    """Checks that a release opens here, or else that the location has it whole.

    Unless `verify` says otherwise, hashing is left to the server, for speed.

    Raises:
        NotFound, IntegrityError: it does not.
    """
    if location is not None and release not in releases.ids():
        location.manifest(release)
    else:
        open_release(releases.path(release), verify=verify).close()


def _check_described(
    releases: ReleaseStore, location: ReleaseLocation | None, release: str
) -> None:
    if location is not None and release not in releases.ids():
        location.manifest(release)
    else:
        releases.manifest(release)


def _first_usable(
    releases: ReleaseStore, location: ReleaseLocation | None, names: list[str]
) -> str:
    for name in names:
        try:
            _check_usable(releases, location, name)
        except DaybreakError:
            continue
        return name
    raise CheckFailed("a rollback would leave nothing to serve; publish another release first")
