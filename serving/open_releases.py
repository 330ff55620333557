"""The releases that one process has open: each once, however many ask for it."""

import threading
from pathlib import Path
from weakref import WeakValueDictionary

from serving.reader import open_release
from serving.release import Release


class OpenReleases:
    """Opens releases and hands the same one to all who ask while any of them holds it.

    To verify a release takes seconds and its keys' memory, and one that somebody only looks at may
    become the one that is served at any moment. Nobody closes what they got from here: the files go
    with the last reference.
    """

    def __init__(self) -> None:
        self._releases: WeakValueDictionary[Path, Release] = WeakValueDictionary()
        self._locks: dict[Path, threading.Lock] = {}  # a hundred bytes for each release ever seen

    def open(self, path: Path) -> Release:
        """Returns the release in a folder, what it answers from verified when it was opened first.

        Whoever asks for it meanwhile waits; another release is opened beside.

        Raises:
            IntegrityError: as `open_release` does.
        """
        with self._locks.setdefault(path, threading.Lock()):
            release = self._releases.get(path)
            if release is None:
                release = self._releases[path] = open_release(path, "answers")
            return release
