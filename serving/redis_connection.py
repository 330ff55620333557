"""The connection to Redis: the only module that knows its client."""

import contextlib
import os
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import redis

from core.errors import MachineFault, UsageError


@contextlib.contextmanager
def connected(url: str) -> Iterator[Any]:
    """Yields a client, which is closed at the end; its answers are bytes.

    Args:
        url: `redis://host:port/db`, `rediss://…` or `unix://…`; what it lacks of a user and a
            password comes from REDIS_USERNAME and REDIS_PASSWORD.

    Raises:
        UsageError: the URL can't be meant.
        MachineFault: Redis can't be reached, or refuses; without the password.
    """
    place = shown(url)
    try:
        client = redis.Redis.from_url(
            url,
            username=os.environ.get("REDIS_USERNAME"),
            password=os.environ.get("REDIS_PASSWORD"),
            socket_connect_timeout=5,
            socket_timeout=60,
        )
    except ValueError as error:
        raise UsageError(f"{place} is no address of Redis; give redis://host:port/db") from error
    try:
        yield client
    except redis.AuthenticationError as error:
        raise MachineFault(
            f"Redis at {place} wants another user or password; give REDIS_USERNAME and "
            "REDIS_PASSWORD"
        ) from error
    except redis.RedisError as error:
        # A pipeline's error quotes the command, and with it a user's id.
        told = " ".join(str(error).rpartition(" caused error: ")[2].split())[:200]
        raise MachineFault(
            f"Redis at {place}: {told}; what the pointer named stands, repeat the export"
        ) from error
    finally:
        client.close()


def shown(url: str) -> str:
    """Returns a URL without its user and password.

    >>> shown("redis://me:secret@db.example:6379/2?x=1")
    'redis://db.example:6379/2'
    """
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}{parts.path}"
    except ValueError:
        return "the given URL"


class PointerMoved(Exception):
    """Someone else moved the pointer meanwhile."""


def compare_and_set(
    client: Any, pointer: bytes, seen: bytes | None, values: dict[bytes, bytes]
) -> None:
    """Sets values in one transaction, if the pointer is still what was seen.

    Raises:
        PointerMoved: it is not; nothing was set.
    """
    with client.pipeline(transaction=True) as transaction:
        try:
            transaction.watch(pointer)
            if transaction.get(pointer) != seen:
                raise PointerMoved
            transaction.multi()
            for name, value in values.items():
                transaction.set(name, value)
            transaction.execute()
        except redis.WatchError as error:
            raise PointerMoved from error
