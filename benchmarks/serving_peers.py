"""What the lookup service is measured against: nginx with a file, and FastAPI with Redis."""

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.programs import Program, free_port

RECOMMENDATIONS = "/v1/recommendations"
_NGINX = """\
daemon off;
{user}worker_processes 1;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_timeout 600;
    keepalive_requests 1000000000;
    default_type application/json;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{ listen 127.0.0.1:{port}; root files; }}
}}
"""
_BYTES_PER_KEY = 120
"""What Redis keeps beside each value (measured: about 90)."""


class Absent(Exception):
    """A peer cannot be measured here; says why."""


Peer = Callable[[contextlib.ExitStack, Path, int, bytes], Program]
"""Starts a peer in a folder, with every one of so many users' answer being the same bytes."""


def nginx(running: contextlib.ExitStack, folder: Path, n_users: int, body: bytes) -> Program:
    """Starts nginx, one worker, with one file that every request gets."""
    program = _found("nginx")
    file = folder / "files" / RECOMMENDATIONS.removeprefix("/")
    file.parent.mkdir(parents=True)
    file.write_bytes(body)
    port = free_port()
    # Its worker would be another user, who may not look into a temporary folder.
    user = "user root;\n" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_NGINX.format(port=port, user=user), encoding="ascii")
    command = [program, "-p", str(folder), "-c", "nginx.conf", "-e", "stderr"]
    log = folder / "nginx.log"
    return running.enter_context(Program(command, port, log, ready=RECOMMENDATIONS))


def fastapi_redis(
    running: contextlib.ExitStack, folder: Path, n_users: int, body: bytes
) -> Program:
    """Starts Redis with an answer under every user's key, and FastAPI on one uvicorn worker."""
    program = _found("redis-server")
    for module in ("fastapi", "uvicorn", "uvloop", "httptools"):
        if importlib.util.find_spec(module) is None:
            raise Absent(f"the package {module} is not installed")
    needed, free = n_users * (len(body) + _BYTES_PER_KEY), _free_bytes()
    if needed > 0.7 * free:
        raise Absent(f"Redis would take {needed >> 20} MB, and {free >> 20} MB are free")
    from benchmarks import redis_peer

    store = free_port()
    command = [
        program, "--port", str(store), "--bind", "127.0.0.1", "--dir", str(folder),
        "--daemonize", "no", "--save", "", "--appendonly", "no",
    ]  # fmt: skip
    running.enter_context(Program(command, store, folder / "redis.log"))
    redis_peer.fill(store, n_users, body)
    port = free_port()
    command = [
        sys.executable, "-m", "uvicorn", "--factory", "benchmarks.redis_peer:make_application",
        "--port", str(port), "--loop", "uvloop", "--http", "httptools", "--no-access-log",
        "--log-level", "warning",
    ]  # fmt: skip
    server = Program(
        command, port, folder / "uvicorn.log", ready=f"{RECOMMENDATIONS}?user_id=u00000000",
        environment={redis_peer.PORT: str(store)},
    )  # fmt: skip
    return running.enter_context(server)


PEERS: dict[str, Peer] = {"nginx": nginx, "fastapi_redis": fastapi_redis}


def _found(program: str) -> str:
    # Debian keeps nginx where only root's PATH leads.
    path = shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if path is None:
        raise Absent(f"there is no program {program} on the PATH")
    return path


def _free_bytes() -> int:
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) << 10
    return 0
