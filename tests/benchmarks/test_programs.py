"""Programs as the benchmarks start them."""

import socket
import sys
import time
from pathlib import Path

import pytest

from benchmarks.programs import Program, free_port
from core.errors import MachineFault

SERVER = """
import os, sys, time
kept = b"x" * 50_000_000
if os.fork():
    os.wait()
from http.server import HTTPServer, SimpleHTTPRequestHandler as Handler
HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_program_is_awaited_looked_at_paused_and_ended(tmp_path):
    port = free_port()
    command = [sys.executable, "-c", SERVER, str(port)]
    with Program(command, port, tmp_path / "log", ready="/") as program:
        assert 0 < program.seconds_to_ready < 60
        assert len(program.processes()) == 2
        (worker,) = program.memory()
        assert worker["beyond_page_cache"] > 45
        assert worker["private_dirty"] < 45  # the large part is the parent's too
        assert worker["pss"] > 20
        assert program.cpu_seconds() > 0
        program.pause()
        with socket.create_connection(("127.0.0.1", port), 5) as asking:
            asking.sendall(b"GET / HTTP/1.0\r\n\r\n")
            asking.settimeout(0.3)
            with pytest.raises(TimeoutError):
                asking.recv(1)
            program.resume()
            asking.settimeout(30)
            assert asking.recv(15) == b"HTTP/1.0 200 OK"
        pids = program.processes()
    deadline = time.monotonic() + 20
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_program_that_ends_is_told_with_its_last_words(tmp_path):
    command = [sys.executable, "-c", "print('one\\ntwo\\nthree'); raise SystemExit('no port')"]
    with pytest.raises(MachineFault, match="is not ready: two / three / no port"):
        Program(command, free_port(), tmp_path / "log")
