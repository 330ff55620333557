"""The container files as far as they can be checked without an engine that runs them."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from orchestration.instance import CONFIG

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]


def instructions(name):
    """Returns a Dockerfile's instructions, each with its words."""
    text = (DEPLOY / name).read_text(encoding="utf-8")
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    return [line.split() for line in text.splitlines() if line.strip()]


def copied(name):
    """Returns what a Dockerfile copies from the project."""
    return {
        source
        for word, *words in instructions(name)
        if word == "COPY" and not words[0].startswith("--from")
        for source in words[:-1]
    }


@pytest.mark.parametrize("path", sorted(DEPLOY.glob("*.yml")) + sorted(DEPLOY.glob("*.yaml")))
def test_every_file_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


@pytest.mark.parametrize("name", ["server.Dockerfile", "pipeline.Dockerfile"])
def test_what_is_copied_is_there(name):
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split("\n")
    sources = copied(name)
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert source not in ignored
    words = [word for word, *_ in instructions(name)]
    assert words[0] == "FROM"
    users = [rest for word, *rest in instructions(name) if word == "USER"]
    assert users == [["10001:10001"]]
    assert words.index("USER") < len(words) - 1 - words[::-1].index("CMD")


def test_the_server_has_core_and_serving_alone():
    packages = {x for x in copied("server.Dockerfile") if (ROOT / x).is_dir()}
    assert packages == {"core", "serving"}


def test_the_pipeline_has_every_package():
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert {x for x in copied("pipeline.Dockerfile") if (ROOT / x).is_dir()} == packages


def test_the_servers_health_is_its_readiness():
    [check] = [words for word, *words in instructions("server.Dockerfile") if word == "HEALTHCHECK"]
    command = json.loads(" ".join(check[check.index("CMD") + 1 :]))
    assert command[:2] == ["python", "-c"]
    assert "'http://127.0.0.1:8080/readyz'" in command[2]
    compile(command[2], "HEALTHCHECK", "exec")


def help_of(*command):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *command, "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    return done.stdout


RUN = {
    "webserver": ["-c", "from dagster_webserver.cli import main; main()"],
    "daemon": ["-c", "from dagster._daemon.cli import main; main()", "run"],
    "server": ["-m", "serving"],
}


@pytest.mark.parametrize("service", sorted(RUN))
def test_every_flag_that_is_given_exists(service):
    command = SERVICES[service]["command"]
    offered = re.findall(r"(?<![\w-])--?[a-z][\w-]*", help_of(*RUN[service]))
    given = [word for word in command if word.startswith("-")]
    assert given
    assert set(given) <= set(offered)
    programs = {"webserver": "dagster-webserver", "daemon": "dagster-daemon", "server": "--host"}
    assert command[0] == programs[service]


def test_every_mount_and_secret_is_declared():
    for name, service in SERVICES.items():
        for mount in service.get("volumes", ()):
            source = mount.split(":")[0]
            if source.startswith("."):
                assert (DEPLOY / source).is_file(), (name, source)
            else:
                assert source in COMPOSE["volumes"], (name, source)
        assert set(service.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        told = json.dumps([service.get("environment", {}), service.get("command", [])])
        for secret in re.findall(r"/run/secrets/(\w+)", told):
            assert secret in service["secrets"], (name, secret)
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), (name, port)
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    for secret in COMPOSE["secrets"].values():
        assert secret["file"].startswith("./secrets/")
    assert "deploy/secrets/" in ignored


def test_the_password_reaches_dagster_from_its_file(tmp_path):
    """The entrypoint is run as a container would, with the file elsewhere."""
    (tmp_path / "password").write_text("s3cret word\n")
    shell, flag, script = SERVICES["webserver"]["entrypoint"]
    script = script.replace("$$", "$").replace(
        "/run/secrets/postgres_password", str(tmp_path / "password")
    )
    show = "import os, sys; print(os.environ['DAGSTER_POSTGRES_PASSWORD'], sys.argv[1:])"
    done = subprocess.run(
        [shell, flag, script, sys.executable, "-c", show, "-p", "3 000"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "s3cret word ['-p', '3 000']\n"


def test_dagster_stores_in_postgres_and_is_otherwise_as_on_a_disk():
    config = yaml.safe_load((DEPLOY / "dagster.yaml").read_text(encoding="utf-8"))
    postgres = config.pop("storage")["postgres"]["postgres_db"]
    assert config == yaml.safe_load(CONFIG)
    assert postgres["scheme"] == "postgresql+psycopg2"  # the driver of pipeline-requirements.txt
    variables = {x["env"] for x in postgres.values() if isinstance(x, dict)}
    given = set(SERVICES["webserver"]["environment"]) | {"DAGSTER_POSTGRES_PASSWORD"}
    assert variables == given
    assert SERVICES["daemon"]["environment"] == SERVICES["webserver"]["environment"]


def test_the_settings_of_the_server_can_be_meant():
    from core.settings import load_settings

    environment = {
        name: str(value).replace("${DAYBREAK_ISSUER:?who signs the tokens, their iss}", "i")
        for name, value in SERVICES["server"]["environment"].items()
    }
    environment.pop("DAYBREAK_CONFIG")
    security = load_settings(ROOT / "daybreak.toml", environment).security
    assert security.tokens
    assert security.issuer == "i"
    assert security.keys == "/run/secrets/token_keys"
