"""`daybreak ui`: the Dagster UI and daemon over a home, on the loopback."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

from core.errors import UsageError
from core.home import Home
from core.listening import check_can_listen
from orchestration.instance import prepare_instance

_WORKSPACE = Path(__file__).resolve().parents[2] / "workspace.yaml"
_HOST = "127.0.0.1"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments."""
    parser.add_argument("--port", type=int, default=3000, metavar="N")


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Becomes `dagster dev`; returns only by raising.

    Raises:
        UsageError: the port can't be listened on, or Dagster is not installed.
    """
    check_can_listen(_HOST, options.port)
    prepare_instance(home)
    _become(["dagster", "dev", "-w", str(_WORKSPACE), "-h", _HOST, "-p", str(options.port)])


def _become(command: list[str]) -> NoReturn:
    program = Path(sys.executable).with_name(command[0])
    if not program.exists():
        raise UsageError(f"{program} is not installed; run `make install`")
    print(f"Dagster UI on http://{_HOST}:{command[-1]}", file=sys.stderr, flush=True)
    os.execv(program, command)
