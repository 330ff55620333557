"""The forms in which our server is measured: what is switched on in each, said once."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bearer import AUDIENCE, ISSUER, SERVICE_ROLE, Signer
from benchmarks.programs import Program, free_port
from benchmarks.serving_peers import RECOMMENDATIONS
from core.home import Home

_LIMITS_OFF = {"DAYBREAK_LIMITS__USER_RATE": "0", "DAYBREAK_LIMITS__CLIENT_RATE": "0"}
_LIMITS_ON = {
    "DAYBREAK_LIMITS__USER_RATE": "1e6",
    "DAYBREAK_LIMITS__USER_BURST": "1000000",
    "DAYBREAK_LIMITS__CLIENT_RATE": "1e6",
    "DAYBREAK_LIMITS__CLIENT_BURST": "1000000",
}
"""Limits that count every request and refuse none."""
ONE_USER = RECOMMENDATIONS + "?user_id={user}"


@dataclass(frozen=True)
class Form:
    """One form.

    Attributes:
        ratio: under which name its rate over nginx's is told.
        settings: variables that the server is started with.
        headers: sent with every request.
        path: what is asked; see `benchmarks.targets`.
    """

    ratio: str
    settings: Mapping[str, str]
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ONE_USER


def forms(folder: Path) -> dict[str, Form]:
    """Returns the forms by name; the keys of those with tokens are put into the folder."""
    signer = Signer(folder)
    bearer = {"authorization": f"Bearer {signer.token('bench', SERVICE_ROLE)}"}
    protected = {**_LIMITS_ON, **_tokens_on(signer)}
    session = f"{ONE_USER}&session={{item}},{{item}},{{item}}"
    return {
        "bare": Form("ratio_nginx_bare", _LIMITS_OFF),
        "everything": Form("ratio_nginx", protected, bearer),
        "session": Form("ratio_nginx_session", protected, bearer, session),
    }


def _tokens_on(signer: Signer) -> dict[str, str]:
    return {
        "DAYBREAK_SECURITY__TOKENS": "true",
        "DAYBREAK_SECURITY__ISSUER": ISSUER,
        "DAYBREAK_SECURITY__AUDIENCE": AUDIENCE,
        "DAYBREAK_SECURITY__KEYS": str(signer.keys),
    }


def start(form: Form, home: Home, workers: int) -> Program:
    """Starts the server over a home, as a container would."""
    port = free_port()
    command = [
        sys.executable, "-m", "serving", "--home", str(home.root.absolute()), "--port", str(port),
        "--workers", str(workers),
    ]  # fmt: skip
    log = home.root / "server.log"
    return Program(command, port, log, ready="/readyz", environment=form.settings)
