"""`python -m serving`: the container's entry, without the command line's other commands."""

import argparse
import sys
from collections.abc import Sequence

from pydantic import ValidationError

from core.errors import DaybreakError, UsageError
from core.home import Home
from core.serving_settings import ServingSettings
from core.settings import load_settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the server; returns the exit status."""
    parser = argparse.ArgumentParser("python -m serving", description="Serve a home's releases.")
    parser.add_argument("--home", help="the home; DAYBREAK_HOME, else ./var")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to listen on (default 8080)")
    parser.add_argument("--workers", type=int, help="server processes (default 1)")
    parser.add_argument("--poll-seconds", type=float, help="pause between looks at the log")
    parser.add_argument(
        "--unprotected", action="store_true", help="answer other machines without tokens"
    )
    given = vars(parser.parse_args(arguments))
    folder, unprotected = given.pop("home"), given.pop("unprotected")
    try:
        settings = _settings({k: v for k, v in given.items() if v is not None})
        home = Home.find(folder)
        from serving.web.server import serve

        whole = load_settings()
        security = whole.security
        if unprotected:
            security = security.model_copy(update={"unprotected": True})
        serve(home, settings, whole.releases, whole.retention.grace_seconds, security)
    except DaybreakError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _settings(given: dict[str, object]) -> ServingSettings:
    try:
        return ServingSettings.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        name = "--" + str(first["loc"][0]).replace("_", "-")
        raise UsageError(f"{name} {first['input']}: {first['msg']}; see --help") from None


if __name__ == "__main__":
    sys.exit(main())
