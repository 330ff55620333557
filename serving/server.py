"""Starts the server and stops it cleanly."""

import socket
from functools import partial

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server import Server

from core.errors import UsageError
from core.home import Home
from core.serving_settings import ServingSettings
from serving.application import Application

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


def serve(home: Home, settings: ServingSettings) -> None:
    """Serves a home's releases until SIGTERM or SIGINT; prints one line with the address.

    With nothing published yet the server starts too: it answers 503 until there is a release.

    Raises:
        UsageError: the address can't be listened on.
    """
    _check_free(settings.host, settings.port)
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
    print(f"serving {home.root} on http://{host}:{settings.port}", flush=True)
    server.serve(target_loader=partial(Application, home, settings), wrap_loader=False)


def _check_free(host: str, port: int) -> None:
    """Binds once in advance: the server itself would fail in its workers, with a traceback."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UsageError(
            f"can't listen on {host} port {port}: {error.strerror}; give another with --port"
        ) from None
