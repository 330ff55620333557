"""Starts the server and stops it cleanly."""

import logging
from collections.abc import Callable
from functools import partial

from granian.constants import HTTPModes, Interfaces, TaskImpl
from granian.http import HTTP1Settings
from granian.log import LogLevels

from core.errors import UsageError
from core.home import Home
from core.listening import check_can_listen, is_loopback
from core.release_location import find_location
from core.security_settings import SecuritySettings
from core.settings import Settings
from serving.intake.segments import EVENTS, begin_streams
from serving.web.application import EVENT_POSITIONS, Application, shared_memory
from serving.web.log_lines import LOGGING, log_uncaught
from serving.web.supervisor import Supervisor

_BACKLOG = 4096
"""Connections that the kernel holds until a worker accepts them."""
_log = logging.getLogger("daybreak.serving")


def announce(home: Home, address: str) -> None:
    """Prints one line for people."""
    print(f"serving {home.root} on {address}", flush=True)


def serve(
    home: Home,
    settings: Settings,
    announce: Callable[[Home, str], None] = announce,
) -> None:
    """Serves a home's releases until SIGTERM or SIGINT; a worker that dies is replaced.

    Where a location is set, releases are copied from it in the background.

    With nothing published yet the server starts too: it answers 503 until there is a release.

    Args:
        home: whose releases.
        settings: where to listen, with how many processes, who may ask, and all the rest.
        announce: told the home and the address, `http://host:port`, once the port is known free.

    Raises:
        UsageError: the address can't be listened on, or is reached from other machines while
            tokens are off, or the location can't be meant.
        InputError: the file with the keys that verify tokens can't be used.
    """
    serving, limits = settings.serving, settings.limits
    find_location(settings.releases)
    check_can_listen(serving.host, serving.port)
    check_protected(serving.host, settings.security)
    server = Supervisor(
        "daybreak",
        address=serving.host,
        port=serving.port,
        interface=Interfaces.RSGI,
        # It drives what never waits, which is the hot path, for less than an asyncio task costs;
        # all that may wait gets one of those, see `Application`.
        task_impl=TaskImpl.rust,
        workers=serving.workers,
        http=HTTPModes.http1,
        # It closes idle connections too, so that none can be held for nothing.
        http1_settings=HTTP1Settings(header_read_timeout=int(limits.header_seconds * 1000)),
        backpressure=limits.max_connections,
        backlog=_BACKLOG,
        websockets=False,
        log_level=LogLevels.warning,
        log_dictconfig=LOGGING,
        workers_kill_timeout=serving.stop_seconds,
    )
    if not settings.security.tokens and not is_loopback(serving.host):
        _log.warning("%s is open to everyone: any list can be read without a token", serving.host)
    host = f"[{serving.host}]" if ":" in serving.host else serving.host
    announce(home, f"http://{host}:{serving.port}")
    log_uncaught()
    shared = shared_memory(serving.workers)
    begin_streams(home, EVENTS, shared.counts(EVENT_POSITIONS))
    application = partial(Application, home, settings, shared)
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
