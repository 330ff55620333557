"""Writes a release to Redis under keys of its own, and moves the pointer when all is there.

A reader that follows the pointer sees the old release or the new one, whole. An export that ends in
the middle leaves the pointer where it was, and the next export writes the same keys again. One
export at a time: two at once waste each other's work.

Users who opted out or are erased are left out, and their keys in earlier exports are deleted; that
happens when an export runs, so run one after `daybreak optout` and `erase`.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from core.errors import CheckFailed, IntegrityError
from core.kill_points import reach
from core.release_store import ReleaseStore
from core.tombstones import Tombstones
from serving.reader import open_release
from serving.redis_connection import PointerMoved, compare_and_set
from serving.redis_entries import Entry, VectorTable, entries, header
from serving.redis_keys import ANY_USER, CURRENT, EXPORTS, PREVIOUS, key, user_of
from serving.release import Release

_BLOCK_KEYS = 1_000
_BLOCK_BYTES = 4 << 20


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        release: its id.
        previous: the release that the pointer named before; its keys are kept.
        n_keys: keys written, and found again.
        n_bytes: bytes of their values.
        expiring: older exports, whose keys now have a time to live.
    """

    release: str
    previous: str | None
    n_keys: int
    n_bytes: int
    expiring: list[str]


def export(
    client: Any,
    releases: ReleaseStore,
    release: str,
    vectors: list[VectorTable],
    *,
    must_be_current: bool,
    grace_seconds: int,
) -> Exported:
    """Writes a release to Redis and points to it.

    Args:
        client: a connection from `redis_connection.connected`.
        releases: where the release lies, with the log that decides.
        release: its id.
        vectors: the tables of its embeddings.
        must_be_current: refuse to point to it once another release is current.
        grace_seconds: how long exports older than the previous one may still be read.

    Raises:
        NotFound: there is no such release here.
        IntegrityError: it is damaged, or keys are missing again (Redis evicts?).
        CheckFailed: it does not stand in the log (any more); the pointer is left alone.
    """
    _check_stands(releases, release, must_be_current)
    opened = open_release(releases.path(release))
    try:
        return _export(client, releases, opened, vectors, must_be_current, grace_seconds)
    finally:
        opened.close()


def _export(
    client: Any,
    releases: ReleaseStore,
    release: Release,
    vectors: list[VectorTable],
    must_be_current: bool,
    grace_seconds: int,
) -> Exported:
    name = release.id
    tombstones = releases.tombstones.state()
    _forget(client, tombstones)
    seen = client.get(CURRENT)
    if seen != name.encode():
        client.delete(key(name, "header"))  # what an earlier attempt left is no release
        client.hset(EXPORTS, name, b"writing")
    n_keys, n_bytes = _write(client, entries(release, vectors, tombstones))
    _check_found(client, entries(release, vectors, tombstones), n_keys)
    with client.pipeline(transaction=True) as transaction:
        described = header(release, vectors, n_keys, tombstones.items)
        transaction.hset(key(name, "header"), mapping=described)
        transaction.hset(EXPORTS, name, b"complete")
        transaction.execute()
    reach("export_complete")
    previous = _point(client, releases, name, seen, must_be_current)
    reach("export_pointed")
    expiring = _expire_others(client, {name, previous}, grace_seconds)
    return Exported(name, previous, n_keys, n_bytes, expiring)


def _forget(client: Any, tombstones: Tombstones) -> None:
    """Deletes every key, of whatever release, that a hidden user's record or vector lies under."""
    if not tombstones.hidden:
        return
    found = (name for name in client.scan_iter(match=ANY_USER, count=_BLOCK_KEYS))
    hidden = (name for name in found if (user := user_of(name)) and tombstones.hides(user))
    while block := list(itertools.islice(hidden, _BLOCK_KEYS)):
        client.delete(*block)


def _write(client: Any, pairs: Iterator[Entry]) -> tuple[int, int]:
    n_keys = n_bytes = 0
    for block in _blocks(pairs):
        with client.pipeline(transaction=False) as pipeline:
            for name, value in block:
                pipeline.set(name, value)
            pipeline.execute()
        n_keys += len(block)
        n_bytes += sum(len(value) for _, value in block)
        reach("export_block_written")
    return n_keys, n_bytes


def _check_found(client: Any, pairs: Iterator[Entry], n_written: int) -> None:
    """Checks that every key is there, in one command a block."""
    n_found = sum(int(client.exists(*(name for name, _ in block))) for block in _blocks(pairs))
    if n_found != n_written:
        raise IntegrityError(
            f"Redis has {n_found} of the {n_written} keys that were written; give it memory, and "
            "the policy noeviction, and repeat"
        )


def _blocks(pairs: Iterator[Entry]) -> Iterator[list[Entry]]:
    block: list[Entry] = []
    size = 0
    for pair in pairs:
        block.append(pair)
        size += len(pair[1])
        if len(block) == _BLOCK_KEYS or size >= _BLOCK_BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _point(
    client: Any, releases: ReleaseStore, name: str, seen: bytes | None, must_be_current: bool
) -> str | None:
    """Moves the pointer, if the release still stands; returns the previous release."""
    _check_stands(releases, name, must_be_current)
    if seen == name.encode():
        previous = client.get(PREVIOUS)
        return previous.decode() if previous else None
    values = {CURRENT: name.encode(), **({PREVIOUS: seen} if seen else {})}
    try:
        compare_and_set(client, CURRENT, seen, values)
    except PointerMoved:
        raise CheckFailed(
            f"another export moved the pointer while {name} was written; repeat the export"
        ) from None
    try:
        _check_stands(releases, name, must_be_current)
    except CheckFailed:
        # Rolled back in the moment between: readers go back to what they read before.
        if seen and client.exists(key(seen.decode(), "header")):
            compare_and_set(client, CURRENT, name.encode(), {CURRENT: seen})
        raise
    return seen.decode() if seen else None


def _check_stands(releases: ReleaseStore, release: str, must_be_current: bool) -> None:
    standing = [entry.release for entry in releases.log.standing().candidates]
    if release not in standing:
        raise CheckFailed(
            f"release {release} does not stand in the log; see `daybreak release list`"
        )
    if must_be_current and standing[0] != release:
        raise CheckFailed(f"release {standing[0]} is current now, not {release}; repeat the export")


def _expire_others(client: Any, kept: set[str | None], grace_seconds: int) -> list[str]:
    """Gives the keys of all other exports a time to live; returns whose."""
    others = sorted({name.decode() for name in client.hkeys(EXPORTS)} - kept)
    for name in others:
        found = client.scan_iter(match=key(name, "*"), count=_BLOCK_KEYS)
        while block := list(itertools.islice(found, _BLOCK_KEYS)):
            with client.pipeline(transaction=False) as pipeline:
                for each in block:
                    pipeline.expire(each, grace_seconds)
                pipeline.execute()
        client.hdel(EXPORTS, name)
    return others
