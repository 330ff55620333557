"""The server's container holds core/, serving/ and the pinned packages: that is enough."""

import ast
import importlib.metadata
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.utils import canonicalize_name

from core.home import Home
from tests.deploy.requirements import closed, pins
from tests.serving.conftest import publish_toy
from tests.serving.web.test_server import RunningServer, free_port

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
# What the server's own modules import is found below; uvloop is what granian runs on where it is.
ROOTS = {
    "granian", "msgspec", "numpy", "prometheus-client", "pydantic", "pyjwt[crypto]",
    "starlette", "uvloop",
}  # fmt: skip
# Imported late, by the inspector alone, which says what is missing where it is not installed.
OPTIONAL = {"pyarrow"}
BUCKET_ROOTS = {"universal-pathlib", "s3fs"}
# Lets nothing in but the packages named in the first argument, the standard library and the copy.
ONLY = """
import importlib.metadata, json, sys
from packaging.utils import canonicalize_name
allowed = {"core", "serving"} | set(sys.stdlib_module_names)
wanted = set(json.loads(sys.argv.pop(1)))
for module, owners in importlib.metadata.packages_distributions().items():
    if wanted & {canonicalize_name(owner) for owner in owners}:
        allowed.add(module)
class Door:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in allowed and not name.startswith("_sysconfigdata"):
            raise ModuleNotFoundError(f"{name} is in no image of the server", name=name)
for name in [x for x in sys.modules if x.partition(".")[0] not in allowed and x != "__main__"]:
    del sys.modules[name]
sys.meta_path.insert(0, Door())
import core
assert core.__file__.startswith(sys.path[1]), core.__file__
from serving.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


class Alone(RunningServer):
    """A server in a folder of its own, asked as the other ones are."""

    def __init__(self, command, folder, home):
        self.port = free_port()
        self.process = subprocess.Popen(
            [*command, "--home", str(home.root), "--port", str(self.port)],
            cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "LANG": "C.UTF-8"},
        )  # fmt: skip
        try:
            self.wait(lambda: self.get("/readyz").status == 200, seconds=60)
        except BaseException:
            self.process.kill()
            raise


@pytest.fixture
def alone(tmp_path):
    """Starts a command over a copy of core/ and serving/ and asks what comes up."""
    folder = tmp_path / "app"
    for package in ("core", "serving"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    home = Home(tmp_path / "home")
    name = publish_toy(home.releases, "1970-01-11", 1)

    def ask(*command):
        server = Alone(command, folder, home)
        try:
            answer = server.json("/v1/recommendations?user_id=ann&count=2")
            metrics = server.get("/metrics").body.decode()
        finally:
            code, _, errors = server.stop()
        assert (code, answer["release"], answer["rung"]) == (0, name, "personal"), errors
        assert f'daybreak_release_info{{release="{name}"}} 1.0\n' in metrics

    return ask


def test_it_starts_with_these_packages_and_no_others(alone):
    wanted = sorted(pins(DEPLOY / "server-requirements.txt"))
    alone(sys.executable, "-c", ONLY, json.dumps(wanted))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_it_starts_in_a_bare_environment(alone, tmp_path):
    """Both files install with their dependencies resolved, and the server starts there."""
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    wanted = pins(DEPLOY / "server-requirements.txt")
    for name in ("server-requirements.txt", "server-bucket-requirements.txt"):
        install = [python, "-m", "pip", "install", "--quiet", "--requirement", DEPLOY / name]
        subprocess.run(install, check=True)
        listed = subprocess.run(
            [python, "-m", "pip", "list", "--format", "json", "--exclude", "pip"],
            check=True, capture_output=True,
        )  # fmt: skip
        found = {canonicalize_name(x["name"]): x["version"] for x in json.loads(listed.stdout)}
        found.pop("setuptools", None)  # which venv may bring
        wanted |= pins(DEPLOY / name)
        assert found == wanted
        subprocess.run([python, "-m", "pip", "check"], check=True)
        alone(str(python), "-m", "serving")


@pytest.mark.parametrize(
    ("name", "roots", "without"),
    [
        ("server-requirements.txt", ROOTS, set()),
        ("server-bucket-requirements.txt", BUCKET_ROOTS, ROOTS),
    ],
)
def test_the_pins_are_the_locks_and_whole(name, roots, without):
    lock, found = pins(ROOT / "requirements.lock"), pins(DEPLOY / name)
    assert found == {x: lock[x] for x in closed(roots) - closed(without)}


def test_the_pipelines_pins_are_beside_the_lock_and_go_with_its_dagster():
    lock, found = pins(ROOT / "requirements.lock"), pins(DEPLOY / "pipeline-requirements.txt")
    assert sorted(found) == ["dagster-postgres", "psycopg2-binary"]
    assert not set(found) & set(lock)
    major, minor, patch = map(int, lock["dagster"].split("."))
    assert found["dagster-postgres"] == f"0.{minor + 16}.{patch}"  # as Dagster numbers both
    assert major == 1


def test_the_roots_are_what_the_sources_of_the_server_import():
    owners = importlib.metadata.packages_distributions()
    found = set()
    for path in (ROOT / "serving" / "web").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [x.name for x in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for module in {name.partition(".")[0] for name in names} - {"core", "serving"}:
                found |= {canonicalize_name(x) for x in owners.get(module, ())}
    assert found - OPTIONAL <= {canonicalize_name(x.partition("[")[0]) for x in ROOTS}
    assert found >= {"granian", "msgspec", "prometheus-client", "pyjwt", "starlette"}
