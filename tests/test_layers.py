"""Imports point one way, and each heavy library has the one home that DESIGN.md names."""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "assets", "benchmarks", "core", "expectations", "orchestration", "serving", "training",
)  # fmt: skip
HOMES: dict[str, tuple[str, ...]] = {
    "dagster": ("orchestration/*", "assets/*/assets.py", "assets/materialisation.py"),
    "faiss": ("training/export.py",),
    "granian": ("serving/web/server.py", "serving/web/supervisor.py"),
    "botocore": ("core/bucket_place.py",),
    "great_expectations": ("expectations/*",),
    "jwt": ("serving/web/tokens.py", "serving/web/token_keys.py"),
    "implicit": ("training/als.py",),
    "matplotlib": ("assets/plots.py", "assets/materialisation.py"),
    "mlflow": ("training/tracking*.py",),
    "openai": ("assets/explanations/*",),
    "prometheus_client": ("serving/web/metrics.py",),
    "pyspark": ("core/engine/spark.py",),
    "redis": ("serving/redis_connection.py", "benchmarks/redis_peer.py"),
    "s3fs": (),  # reached through universal-pathlib only
    "starlette": ("serving/*",),
    "torch": ("training/tower_*.py",),
    "upath": ("core/bucket_place.py", "assets/world/files.py"),
    "xgboost": ("training/ranker.py",),
}
NOWHERE = ("cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve")
"""What runs code when it reads a file."""


def sources() -> Iterator[tuple[str, ast.Module]]:
    """Yields each source file's path from the root and its syntax tree."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
            yield path.relative_to(ROOT).as_posix(), tree


def imported(tree: ast.Module) -> set[str]:
    """Returns the top-level packages that a file names in any import, wherever it stands.

    A name given to `importlib.import_module` or `__import__` counts too.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            called = node.func.id if isinstance(node.func, ast.Name) else called
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                found.add(node.args[0].value)
    return {name.partition(".")[0] for name in found}


def astray(path: str, tree: ast.Module) -> list[str]:
    """Returns the libraries that a file imports outside their homes."""
    return sorted(
        name
        for name in imported(tree)
        if name in NOWHERE
        or (name in HOMES and not any(fnmatch(path, home) for home in HOMES[name]))
    )


def test_every_heavy_library_stays_at_home() -> None:
    found = {path: names for path, tree in sources() if (names := astray(path, tree))}
    assert found == {}


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("core/ids.py", "import torch", ["torch"]),
        ("core/ids.py", "def f():\n    from pyspark.sql import functions", ["pyspark"]),
        ("core/engine/spark.py", "from pyspark.sql import functions", []),
        ("assets/lists/rules.py", "import dagster as dg", ["dagster"]),
        ("assets/lists/assets.py", "import dagster as dg", []),
        ("assets/assets.py", "import dagster", ["dagster"]),
        ("assets/lists/stage.py", "import os, mlflow.entities", ["mlflow"]),
        ("serving/app.py", "import importlib\nimportlib.import_module('implicit')", ["implicit"]),
        ("core/store.py", "import pickle", ["pickle"]),
        ("training/tower_fit.py", "import torch\nimport xgboost", ["xgboost"]),
        ("core/ids.py", "from .torch import x\nimport torchlike\ntext = 'import torch'", []),
    ],
)  # fmt: skip
def test_a_library_away_from_home_is_found(path: str, text: str, expected: list[str]) -> None:
    assert astray(path, ast.parse(text)) == expected


def test_every_home_exists_and_is_lived_in() -> None:
    used: dict[str, set[str]] = {name: set() for name in HOMES}
    for path, tree in sources():
        for name in imported(tree) & set(HOMES):
            used[name].add(path)
    empty = {
        (name, home)
        for name, homes in HOMES.items()
        for home in homes
        if not any(fnmatch(path, home) for path in used[name])
    }
    assert empty <= {("openai", "assets/explanations/*")}  # texts by a model are to come


def test_annotations_stay_real_where_dagster_reads_them() -> None:
    postponed = [
        path
        for path, tree in sources()
        if "dagster" in imported(tree)
        and any(
            isinstance(node, ast.ImportFrom) and node.module == "__future__"
            for node in ast.walk(tree)
        )
    ]
    assert postponed == []


def lint(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    command = "from importlinter.cli import lint_imports_command as run; run()"
    return subprocess.run(
        [sys.executable, "-c", command, "--config", str(config), "--no-cache"],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_imports_point_one_way() -> None:
    result = lint(ROOT, ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout
    assert "Contracts: 1 kept, 0 broken." in result.stdout


@pytest.mark.parametrize(
    ("importer", "imported_module", "allowed"),
    [
        ("assets", "training", True),
        ("orchestration", "core", True),
        ("core", "assets", False),
        ("training", "serving", False),
        ("serving", "expectations", False),
        ("expectations", "training", False),
        ("assets", "orchestration", False),
        ("training", "assets", False),
    ],
)
def test_an_import_against_the_arrow_is_found(
    tmp_path: Path, importer: str, imported_module: str, allowed: bool
) -> None:
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    (tmp_path / importer / "late.py").write_text(
        f"def late():\n    import {imported_module}\n    return {imported_module}\n"
    )
    result = lint(tmp_path, ROOT / "pyproject.toml")
    assert (result.returncode == 0) is allowed, result.stdout


def test_the_contract_covers_every_package() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert sorted(settings["root_packages"]) == sorted(PACKAGES)
    layers = " | ".join(settings["contracts"][0]["layers"]).replace(" ", "").split("|")
    assert sorted(layers) == sorted(PACKAGES)
    folders = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert folders == set(PACKAGES)
