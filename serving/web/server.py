"""Starts the server and stops it cleanly."""

from collections.abc import Callable
from functools import partial

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from core.home import Home
from core.listening import check_can_listen
from core.release_location import find_location
from core.release_settings import ReleaseSettings
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


def announce(home: Home, address: str) -> None:
    """Prints one line for people."""
    print(f"serving {home.root} on {address}", flush=True)


def serve(
    home: Home,
    settings: ServingSettings,
    releases: ReleaseSettings,
    grace_seconds: float,
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
        announce: told the home and the address, `http://host:port`, once the port is known free.

    Raises:
        UsageError: the address can't be listened on, or the location can't be meant.
    """
    find_location(releases)
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
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    announce(home, f"http://{host}:{settings.port}")
    application = partial(Application, home, settings, releases, grace_seconds)
    server.serve(target_loader=application, wrap_loader=False)
