"""What docs/serving-security.md says to type makes tokens that the server takes."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core.security_settings import SecuritySettings
from serving.web.callers import Caller
from serving.web.tokens import TokenVerifier
from tests.needed import missing

GUIDE = (Path(__file__).resolve().parents[3] / "docs" / "serving-security.md").read_text("utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)


def test_the_settings_of_the_guide_can_be_meant():
    [text] = blocks("toml")
    assert SecuritySettings.model_validate(tomllib.loads(text)["security"]).tokens


@pytest.mark.parametrize(
    ("arguments", "caller"),
    [
        (["42"], Caller("42", is_service=False, client="42")),
        (["batch", "daybreak-service"], Caller("batch", is_service=True, client="batch")),
    ],
)
def test_the_trial_of_the_guide(tmp_path, arguments, caller):
    if shutil.which("openssl") is None:
        missing("the guide makes its key with openssl, and there is none here")
    make_key, serve = blocks("sh")
    [script] = blocks("python")
    subprocess.run(make_key, shell=True, cwd=tmp_path, check=True, capture_output=True)
    (tmp_path / "trial.py").write_text(script)
    done = subprocess.run(
        [sys.executable, "trial.py", *arguments],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    named = dict(re.findall(r"DAYBREAK_SECURITY__(\w+)=(\S+)", serve))
    settings = SecuritySettings.model_validate({k.lower(): v for k, v in named.items()})
    settings = settings.model_copy(update={"keys": str(tmp_path / settings.keys)})
    verifier = TokenVerifier(settings)
    assert verifier.keys.refresh()
    assert verifier.caller(f"Bearer {done.stdout.strip()}") == caller
