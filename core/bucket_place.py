"""A prefix in an S3 bucket, through universal-pathlib.

There is no rename there: a write is one request, whole or absent. Creating is one put that the
store refuses where the name is taken (If-None-Match); an exclusive `open` would commit half a file
where its writer fails. Listing caches are off, as others write too.

The endpoint, the keys and the region come from the environment, as AWS names them, and are in no
message.
"""

import contextlib
import errno
import re
import time
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import aiohttp
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError
from botocore.handlers import add_expect_header
from upath import UPath

from core.redactions import safe_folder

_PART_BYTES = 16 << 20  # an upload holds two parts of this size in memory
# A bucket that hangs is told of within a minute: three tries of 15 seconds a request. The time-out
# is that of silence on one socket, so a large file may take as long as it does.
_OPTIONS: dict[str, Any] = {
    "use_listings_cache": False,
    "config_kwargs": {"connect_timeout": 10, "read_timeout": 15, "retries": {"max_attempts": 2}},
}
_CREDENTIALS = re.compile(r"//[^/@\s]*@")


class BucketPlace:
    """Files under a prefix; names may hold `/`."""

    def __init__(self, path: UPath) -> None:
        self._path = path

    @cached_property
    def _files(self) -> Any:
        # Made at the first question: the client has a thread, and servers fork before they ask.
        files = self._path.fs
        files.retries = 1  # what botocore gives up after three tries, s3fs would begin five times
        return files

    @classmethod
    def at(cls, url: str) -> "BucketPlace":
        """Returns the prefix of a URL `s3://bucket/prefix`; asks the bucket nothing yet."""
        return cls(UPath(url.rstrip("/"), session=_session(), **_OPTIONS))

    def __str__(self) -> str:
        return f"s3://{self._key('')}".rstrip("/")

    def _key(self, name: str) -> str:
        return f"{self._path.path.rstrip('/')}/{name}"

    def under(self, name: str) -> "BucketPlace":
        """Returns the prefix of that name within this one."""
        return BucketPlace(self._path / safe_folder(name))

    def names(self) -> list[str]:
        """Returns the names right under the prefix; none where there is nothing, or no bucket."""
        with self._asking(""):
            try:
                found = self._files.ls(self._key("").rstrip("/"), detail=False, refresh=True)
            except FileNotFoundError:
                return []
        return [str(path).rstrip("/").rpartition("/")[2] for path in found]

    def read(self, name: str) -> bytes:
        """Returns a file's bytes."""
        return self._bytes(name)

    def create(self, name: str, content: bytes) -> bool:
        """Creates a file by one conditional put; returns False where the name is taken."""
        for pause in (0.05, 0.2, 0.5, None):
            try:
                with self._asking(name):
                    self._files.pipe_file(self._key(name), content, mode="create")
            except FileExistsError:
                return False
            except OSError as error:
                status = _status(error)
                if status == 412:
                    return False
                if status != 409 or pause is None:
                    raise
                time.sleep(pause)  # another create is under way: ask again who won
            else:
                return True
        raise AssertionError("the last pause is None")

    def size(self, name: str) -> int | None:
        """Returns a file's size in bytes, or None."""
        found = self._info(name)
        return int(found["size"]) if found else None

    def modified(self, name: str) -> float | None:
        """Returns when a file was last written, in seconds since 1970, or None."""
        found = self._info(name)
        return float(found["LastModified"].timestamp()) if found else None

    def _info(self, name: str) -> dict[str, Any] | None:
        with self._asking(name):
            try:
                found = self._files.info(self._key(name), refresh=True)
            except FileNotFoundError:
                return None
        return dict(found) if found["type"] == "file" else None

    def block(self, name: str, start: int, end: int) -> bytes:
        """Returns a part of a file, by one ranged request."""
        return self._bytes(name, start=start, end=end)

    def _bytes(self, name: str, **part: int) -> bytes:
        """Returns what a file or a part of it holds; an answer that breaks off is asked for again.

        botocore has left the matter to us by then: it tries again until an answer begins.
        """
        with self._asking(name):
            try:
                return bytes(self._files.cat_file(self._key(name), **part))
            except aiohttp.ClientPayloadError:
                return bytes(self._files.cat_file(self._key(name), **part))

    def put(self, name: str, source: Path) -> None:
        """Uploads a local file; a large one in parts, which become a file at the end at once."""
        with self._asking(name):
            self._files.put_file(
                str(source), self._key(name), chunksize=_PART_BYTES, max_concurrency=2
            )

    def everything(self) -> list[str]:
        """Returns the names of all files under the prefix, by one listing without a cache."""
        begin = self._key("")
        with self._asking(""):
            try:
                found = self._files.find(begin.rstrip("/"), refresh=True)
            except FileNotFoundError:
                return []
        return [str(path).removeprefix(begin) for path in found if str(path).startswith(begin)]

    def remove(self, name: str) -> None:
        """Removes a file; removing what is not there is no error to a bucket either."""
        with self._asking(name), contextlib.suppress(FileNotFoundError):
            self._files.rm_file(self._key(name))

    @contextlib.contextmanager
    def _asking(self, name: str) -> Iterator[None]:
        """Makes every failure of the client an OSError that names the file."""
        try:
            yield
        except (FileExistsError, FileNotFoundError, PermissionError) as error:
            raise type(error)(f"s3://{self._key(name)}: {_told(error)}") from error
        except OSError as error:
            number = error.errno or errno.EIO
            raise OSError(number, f"s3://{self._key(name)}: {_told(error)}") from error
        except (BotoCoreError, aiohttp.ClientError) as error:
            raise OSError(errno.EIO, f"s3://{self._key(name)}: {_told(error)}") from error


@cache
def _session() -> Any:
    """Returns the client's session, in which an upload does not wait until it is asked for.

    The client would wait for the bucket's `100 Continue` without a time-out.
    """
    session = AioSession()
    session.unregister("before-call.s3", add_expect_header)
    return session


def _told(error: Exception) -> str:
    strerror = getattr(error, "strerror", None)
    return _CREDENTIALS.sub("//", " ".join(str(strerror or error).split()))


def _status(error: BaseException | None) -> int | None:
    """Returns the HTTP status behind an error, where there is one."""
    while error is not None:
        response = getattr(error, "response", None)
        if isinstance(response, dict):
            return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        error = error.__cause__
    return None
