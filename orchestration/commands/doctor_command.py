"""`daybreak doctor`: what works on this machine, and what does not."""

import argparse
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from core.errors import UsageError
from core.home import Home
from core.listening import check_can_listen
from core.settings import load_settings

_PACKAGES = (
    "dagster", "polars", "duckdb", "pyspark", "torch", "implicit", "faiss-cpu", "xgboost-cpu",
    "mlflow", "great-expectations", "openai", "granian",
)  # fmt: skip
_MIN_FREE_GB = 5
_MIN_MEMORY_GB = 4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the command's arguments: none."""


def execute(options: argparse.Namespace, home: Home) -> tuple[dict[str, Any], str]:
    """Looks and reports; a missing option is told, not an error."""
    rows = [*_machine(home), *_ports(), *_versions()]
    width = max(len(name) for name, _, _ in rows)
    text = "\n".join(f"{'ok ' if ok else '-- '} {name:<{width}}  {note}" for name, ok, note in rows)
    return {name: {"ok": ok, "note": note} for name, ok, note in rows}, text


def _machine(home: Home) -> Iterator[tuple[str, bool, str]]:
    yield "python", sys.version_info[:2] == (3, 11), f"{sys.version.split()[0]}; 3.11 is tested"
    pages, size = os.sysconf("SC_AVPHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    free = pages * size / 2**30
    yield (
        "memory",
        free >= _MIN_MEMORY_GB,
        f"{free:.1f} GiB free; {_MIN_MEMORY_GB} are enough to begin",
    )
    place = next(path for path in (home.root, *home.root.parents) if path.exists())
    disk = shutil.disk_usage(place).free / 2**30
    yield "disk", disk >= _MIN_FREE_GB, f"{disk:.1f} GiB free at {place}"
    yield "cores", True, str(os.cpu_count())
    yield "java", *_java()
    yield "home", True, f"{home.root}{'' if home.root.exists() else ' (will be made)'}"


def _java() -> tuple[bool, str]:
    found = shutil.which("java")
    if found is None:
        return False, "not found; only the Spark engine needs it (Java 17)"
    told = subprocess.run([found, "-version"], capture_output=True, text=True, check=False)
    first = (told.stderr or told.stdout).splitlines()[0] if told.returncode == 0 else "does not run"
    return ' "17' in first, f"{first}; the Spark engine runs on Java 17"


def _ports() -> Iterator[tuple[str, bool, str]]:
    for name, port in (("serve", load_settings().serving.port), ("dagster", 3000)):
        try:
            check_can_listen("127.0.0.1", port)
            yield f"port {port}", True, f"free for {name}"
        except UsageError as error:
            yield f"port {port}", False, str(error)


def _versions() -> Iterator[tuple[str, bool, str]]:
    for name in _PACKAGES:
        try:
            yield name, True, importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield name, False, "not installed; `make install` installs everything"
