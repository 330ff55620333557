"""Reads the bytes of the keys from where the settings say: bounded in size and in time."""

import contextlib
import http.client
import socket
import ssl
import stat
import threading
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import InputError

MAX_BYTES = 1_048_576
"""Largest file or answer with keys."""


def shown(source: str) -> str:
    """Returns a source as it may stand in a log: a URL without its query.

    >>> shown("https://id.example/keys?code=secret")
    'https://id.example/keys'
    """
    return source.partition("?")[0] if "://" in source else source


def read_keys(source: str, timeout_seconds: float) -> bytes:
    """Returns what a file or a URL holds.

    A URL is asked directly, without a proxy, and a redirect is not followed: the keys come from
    the place that was set or not at all.

    Args:
        source: a file's path, or a URL that `core.security_settings` accepted.
        timeout_seconds: of the whole exchange with a URL.

    Raises:
        InputError: it is no regular file or above a mebibyte, or the answer is not 200.
        OSError: it can't be read, or not in time.
    """
    return _fetch(source, timeout_seconds) if "://" in source else _read(Path(source))


def _read(path: Path) -> bytes:
    if not stat.S_ISREG(path.stat().st_mode):
        raise InputError(f"{path} is no regular file; name one")
    with path.open("rb") as stream:
        return _bounded(stream.read(MAX_BYTES + 1))


def _fetch(url: str, timeout_seconds: float) -> bytes:
    parts = urlsplit(url)
    host = parts.hostname or ""
    connection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=timeout_seconds, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)
    )
    late = threading.Event()
    watchdog: threading.Timer | None = None
    try:
        connection.connect()
        # A socket's own timeout begins anew with every byte that drips in.
        watchdog = threading.Timer(timeout_seconds, _cut, (connection.sock, late))
        watchdog.daemon = True
        watchdog.start()
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"accept": "application/json, */*"})
        response = connection.getresponse()
        if response.status != http.client.OK:
            raise InputError(f"the answer was {response.status}, not 200; give the keys' own URL")
        content = response.read(MAX_BYTES + 1)
    except (OSError, http.client.HTTPException, ValueError) as error:
        if not late.is_set():
            raise OSError(str(error) or type(error).__name__) from None
    finally:
        if watchdog is not None:
            watchdog.cancel()
        connection.close()
    if late.is_set():
        raise TimeoutError(f"no whole answer within {timeout_seconds:g} seconds")
    return _bounded(content)


def _cut(connected: socket.socket, late: threading.Event) -> None:
    late.set()
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)


def _bounded(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise InputError(f"they are more than {MAX_BYTES:,} bytes; a key set is smaller")
    return content
