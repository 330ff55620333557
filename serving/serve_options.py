"""The flags with which the server is started, and the settings that they make."""

import argparse
from typing import Any

from pydantic import ValidationError

from core.errors import UsageError
from core.serving_settings import ServingSettings
from core.settings import Settings, load_settings

_OF_SERVING = ("host", "port", "workers", "poll_seconds")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the flags; one that is not given leaves what `daybreak.toml` says."""
    parser.add_argument("--host", metavar="ADDRESS", help="address to listen on (127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="N", help="port to listen on (8080)")
    parser.add_argument("--workers", type=int, metavar="N", help="server processes (1)")
    parser.add_argument(
        "--poll-seconds", type=float, metavar="S", help="pause between looks at the log (1)"
    )
    parser.add_argument(
        "--unprotected", action="store_true", help="answer other machines without tokens"
    )


def settings_of(options: argparse.Namespace) -> Settings:
    """Returns the settings in force, the given flags put over them.

    Raises:
        UsageError: a flag or a setting is out of range.
    """
    whole = load_settings()
    given = {name: x for name in _OF_SERVING if (x := getattr(options, name)) is not None}
    changed: dict[str, Any] = {"serving": _with(whole.serving, given)}
    if options.unprotected:
        changed["security"] = whole.security.model_copy(update={"unprotected": True})
    return whole.model_copy(update=changed)


def _with(settings: ServingSettings, given: dict[str, Any]) -> ServingSettings:
    try:
        return ServingSettings.model_validate({**settings.model_dump(), **given})
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{name} {first['input']}: {first['msg']}; see --help") from None
