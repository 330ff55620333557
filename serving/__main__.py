"""`python -m serving`: the container's entry, without the command line's other commands."""

import argparse
import sys
from collections.abc import Sequence

from core.errors import DaybreakError
from core.home import Home
from serving.serve_options import add_arguments, settings_of


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the server; returns the exit status."""
    parser = argparse.ArgumentParser("python -m serving", description="Serve a home's releases.")
    parser.add_argument("--home", help="the home; DAYBREAK_HOME, else ./var")
    add_arguments(parser)
    options = parser.parse_args(arguments)
    try:
        settings = settings_of(options)
        home = Home.find(options.home)
        from serving.web.server import serve

        serve(home, settings)
    except DaybreakError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
