"""Starts the server and stops it cleanly."""

import logging
from collections.abc import Callable
from functools import partial

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from core.errors import UsageError
from core.home import Home
from core.listening import check_can_listen, is_loopback
from core.release_location import find_location
from core.release_settings import ReleaseSettings
from core.security_settings import SecuritySettings
from core.serving_settings import ServingSettings
from serving.web.application import Application

_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "stream": "ext://sys.stderr",
        }
    },
    "loggers": {
        "daybreak": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "_granian": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
    },
}


_log = logging.getLogger("daybreak.serving")


def announce(home: Home, address: str) -> None:
    """Prints one line for people."""
    print(f"serving {home.root} on {address}", flush=True)


def serve(
    home: Home,
    settings: ServingSettings,
    releases: ReleaseSettings,
    grace_seconds: float,
    security: SecuritySettings,
    announce: Callable[[Home, str], None] = announce,
) -> None:
    """Serves a home's releases until SIGTERM or SIGINT.

    Where a location is set, releases are copied from it in the background.

    With nothing published yet the server starts too: it answers 503 until there is a release.

    Args:
        home: whose releases.
        settings: where to listen, with how many processes.
        releases: the location to follow, if any.
        grace_seconds: how long a release that the location retired stays here.
        security: who may ask.
        announce: told the home and the address, `http://host:port`, once the port is known free.

    Raises:
        UsageError: the address can't be listened on, or is reached from other machines while
            tokens are off, or the location can't be meant.
        InputError: the file with the keys that verify tokens can't be used.
    """
    find_location(releases)
    check_protected(settings.host, security)
    check_can_listen(settings.host, settings.port)
    server = Server(
        "daybreak",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.RSGI,
        workers=settings.workers,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=_LOGGING,
        respawn_failed_workers=True,
        workers_kill_timeout=settings.stop_seconds,
    )
    if not security.tokens and not is_loopback(settings.host):
        _log.warning("%s is open to everyone: any list can be read without a token", settings.host)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    announce(home, f"http://{host}:{settings.port}")
    application = partial(Application, home, settings, releases, grace_seconds, security)
    server.serve(target_loader=application, wrap_loader=False)


def check_protected(host: str, security: SecuritySettings) -> None:
    """Reads the keys' file, where there are tokens; without, only the loopback may be listened on.

    Raises:
        UsageError: other machines reach the address, there are no tokens, and nobody said that
            this is meant.
        InputError: the file with the keys can't be used.
    """
    if security.tokens:
        from serving.web.token_keys import check_keys  # its libraries are large

        check_keys(security)
    elif not (security.unprotected or is_loopback(host)):
        raise UsageError(
            f"{host} is reached from other machines, and tokens are off: set [security] tokens "
            "(docs/serving-security.md), or give --unprotected to answer everyone for everyone"
        )
