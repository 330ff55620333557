"""Hands segments over, by way of the location, to the home whose runs take them in.

    server's home                        location                          pipeline's home
    landing/events-w00-….jsonl ───► landing/events-w00-…-<hash>.jsonl ───► landing/ ──► the lake
      └──► intake/handed-over/, for workers that start and read back

A name at the location ends with the hash of the content. So two servers never write two contents
under one name, and what was handed over twice, by one that died in between, is one file.
"""

import hashlib
import logging
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from core.durable import create_file, flush_folder
from core.home import Home
from core.intake_settings import IntakeSettings
from core.kill_points import reach
from core.manifest import hash_file
from core.one_at_a_time import one_at_a_time
from core.place import Place
from core.tombstones import Tombstones
from serving.intake.segments import EVENTS, Segment, segments_in

_NAME = re.compile(r"(?:events|impressions)-w\d{2,}-\d{16}-([0-9a-f]{16})\.jsonl")
_BLOCK_BYTES = 65_536
_log = logging.getLogger("daybreak.serving")


class _Owned(msgspec.Struct):
    """What is read of a line to tell whose it is."""

    user_id: str


_decode = msgspec.json.Decoder(_Owned).decode


class HandingOver:
    """What a home hands over; nothing where it takes in its landing zone itself.

    Args:
        home: where segments are sealed.
        settings: for how long those handed over are kept to be read back.
    """

    def __init__(self, home: Home, settings: IntakeSettings) -> None:
        self._home = home
        self._keep_seconds = settings.session_hours * 3_600
        self._forgotten: frozenset[str] = frozenset()

    def hand_over(self, place: Place, tombstones: Tombstones) -> int:
        """Takes all sealed segments to a place; returns how many. Processes take turns.

        Lines of erased users go before that, and from what is kept here.

        Args:
            place: the location's landing zone.
            tombstones: who is erased.

        Raises:
            OSError: the place can't be reached, or a disk refused; what is left goes next time.
        """
        if self._takes_in():
            return 0
        with one_at_a_time(self._home.intake / ".handing-over"):
            self._look_after_kept(tombstones)
            waiting = segments_in(self._home.landing)
            for segment in waiting:
                self._hand_over(segment, place, tombstones)
        return len(waiting)

    def _takes_in(self) -> bool:
        """Returns whether the home has taken in files of its landing zone itself."""
        try:
            with os.scandir(self._home.ledger) as entries:
                return any(entry.name.endswith(".json") for entry in entries)
        except FileNotFoundError:
            return False

    def _hand_over(self, segment: Segment, place: Place, tombstones: Tombstones) -> None:
        path = self._home.landing / segment.name
        if tombstones.erased:
            _forget(path, tombstones)
        is_kept = path.stat().st_size > 0
        if is_kept:
            place.put(f"{path.stem}-{hash_file(path)[:16]}.jsonl", path)
            reach("segment_handed_over")
        if is_kept and segment.kind == EVENTS:
            self._home.handed_over.mkdir(exist_ok=True)
            path.rename(self._home.handed_over / segment.name)
        else:
            path.unlink()

    def _look_after_kept(self, tombstones: Tombstones) -> None:
        """Removes what is old, and after each erasure once the lines of those erased."""
        oldest = time.time() - self._keep_seconds
        is_new = not tombstones.erased <= self._forgotten
        for segment in segments_in(self._home.handed_over):
            path = self._home.handed_over / segment.name
            if path.stat().st_mtime < oldest:
                path.unlink()
            elif is_new:
                _forget(path, tombstones)
        self._forgotten = tombstones.erased


def fetch_handed_over(home: Home, place: Place) -> int:
    """Brings what servers handed over to a home's landing zone; returns how many files came.

    One that came before is not brought again, whatever an erasure left of it. A file whose content
    is not what its name says stays where it is, and is told.

    Args:
        home: whose next ingest takes them in.
        place: the location's landing zone.

    Raises:
        OSError: the place can't be reached, or the disk refused; what came has come.
    """
    n_fetched = 0
    for name in sorted(place.names()):
        found = _NAME.fullmatch(name)
        if found is None:
            continue
        content = place.read(name)
        if hashlib.sha256(content).hexdigest()[:16] != found[1]:
            _log.error("%s/%s is damaged and left there; look at it", place, name)
            continue
        n_fetched += create_file(home.landing / name, content)
        reach("segment_fetched")
        place.remove(name)
    return n_fetched


def _forget(path: Path, tombstones: Tombstones) -> None:
    """Writes a segment anew without the lines of erased users, if there are any."""
    if not any(len(kept) < n_lines for n_lines, kept in _blocks(path, tombstones)):
        return
    beside = path.with_name(f".{path.name}.forgetting")
    with beside.open("wb") as stream:
        for _, kept in _blocks(path, tombstones):
            stream.writelines(kept)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
    flush_folder(path.parent)


def _blocks(path: Path, tombstones: Tombstones) -> Iterator[tuple[int, list[bytes]]]:
    """Yields a segment's lines by blocks: how many there are, and those that are not erased."""
    erased: dict[str, bool] = {}

    def is_erased(line: bytes) -> bool:
        try:
            user_id = _decode(line).user_id
        except msgspec.MsgspecError:
            return False  # whoever takes it in judges it
        if user_id not in erased:
            erased[user_id] = tombstones.hash(user_id) in tombstones.erased
        return erased[user_id]

    with path.open("rb") as stream:
        while lines := stream.readlines(_BLOCK_BYTES):
            yield len(lines), [line for line in lines if not is_erased(line)]
            time.sleep(0.001)  # the interpreter is for those who answer
