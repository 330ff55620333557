"""One process of an open-loop load: `python -m benchmarks.open_loop_process LOAD PART`.

It prints a line once its connections stand, reads the moment to begin, and prints what became of
its requests: of P processes, part p makes the requests p, p + P, p + 2 P and so on.
"""

import contextlib
import ctypes
import gc
import json
import os
import re
import select
import socket
import sys
import time
from collections import defaultdict, deque
from pathlib import Path
from typing import Any

from benchmarks.latencies import Latencies
from benchmarks.open_loop import FAILED, Load

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_TICK_SECONDS = 0.0001
"""Pause between two looks at the schedule, where nothing else wakes the process."""
_CONNECT_SECONDS = 1.0


class _Connection:
    """One connection, with one request under way at most."""

    __slots__ = ("due", "received", "socket")

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.due = 0.0
        self.received = b""

    def open(self, port: int) -> socket.socket:
        self.received = b""
        self.socket = socket.create_connection(("127.0.0.1", port), _CONNECT_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        return self.socket

    def status(self) -> int | None:
        """Reads what came; returns the answer's status once all of it is here.

        Raises:
            OSError: the connection ended, or what came is no answer.
        """
        assert self.socket
        data = self.socket.recv(1 << 18)
        if not data:
            raise ConnectionError
        data = self.received = self.received + data if self.received else data
        end = data.find(b"\r\n\r\n")
        if end < 0:
            return None
        length = _LENGTH.search(data, 0, end + 2)
        if length is None or not data[9:12].isdigit():
            raise ConnectionError
        if len(data) < end + 4 + int(length[1]):
            return None
        self.received = b""
        if _CLOSE.search(data, 0, end + 2):
            self.socket.close()
            self.socket = None
        return int(data[9:12])


class _Generator:
    def __init__(self, load: Load, part: int) -> None:
        self._load = load
        self._requests = load.target.requests(part)
        self._interval = load.processes / load.rate
        self._first = part / load.rate
        self._n = len(range(part, load.n_requests, load.processes))
        self._n_sent = self._n_ended = 0
        self._latencies: defaultdict[int, Latencies] = defaultdict(Latencies)
        self._lag = Latencies()
        self._epoll = select.epoll()
        self._taken: dict[int, _Connection] = {}
        self._free_since = 0.0
        n = max(1, load.connections // load.processes)
        # The longest idle one goes first, so that none is idle until the server closes it.
        self._idle = deque(_Connection() for _ in range(n))
        for connection in self._idle:
            with contextlib.suppress(OSError):
                self._open(connection)

    def run(self, begins: float) -> dict[str, Any]:
        """Makes every request; returns what became of them."""
        self._first += begins
        timer = _timer(_TICK_SECONDS)
        self._epoll.register(timer, select.EPOLLIN)
        gives_up = begins + self._load.seconds + self._load.drain_seconds
        started, used = time.monotonic(), _wanted_seconds()
        while self._n_ended < self._n and time.monotonic() < gives_up:
            self._send()
            for number, _ in self._epoll.poll():
                if number == timer:
                    os.read(timer, 8)
                else:
                    self._receive(number)
        ended = time.monotonic()
        for connection in self._taken.values():
            self._latencies[FAILED].add(ended - connection.due)
        for number in range(self._n_sent, self._n):
            self._latencies[FAILED].add(ended - self._due(number))
        return {
            "ended": ended,
            "busy": (_wanted_seconds() - used) / (ended - started),
            "latencies": {status: found.to_json() for status, found in self._latencies.items()},
            "lag": self._lag.to_json(),
        }

    def _due(self, number: int) -> float:
        return self._first + number * self._interval

    def _send(self) -> None:
        """Sends what is due, as far as connections are free."""
        while self._idle and self._n_sent < self._n:
            due, now = self._due(self._n_sent), time.monotonic()
            if due > now:
                return
            self._n_sent += 1
            # Waiting for a connection is the server's doing, all else is the generator's.
            self._lag.add(now - max(due, self._free_since))
            connection = self._idle.popleft()
            connection.due = due
            try:
                opened = connection.socket or self._open(connection)
                self._taken[opened.fileno()] = connection
                opened.send(next(self._requests))
            except OSError:
                self._end(connection, FAILED)

    def _receive(self, number: int) -> None:
        connection = self._taken.get(number)
        if connection is None:  # the server closed a connection that nothing was asked on
            self._forget(number)
            return
        try:
            status = connection.status()
        except OSError:
            status = FAILED
        if status is not None:
            self._end(connection, status, number)

    def _end(self, connection: _Connection, status: int, number: int = -1) -> None:
        now = time.monotonic()
        self._latencies[status].add(now - connection.due)
        self._n_ended += 1
        if status == FAILED and connection.socket:
            number = connection.socket.fileno()
            connection.socket.close()
            connection.socket = None
        self._taken.pop(number, None)
        if not self._idle:
            self._free_since = now
        self._idle.append(connection)

    def _open(self, connection: _Connection) -> socket.socket:
        opened = connection.open(self._load.port)
        self._epoll.register(opened, select.EPOLLIN)
        return opened

    def _forget(self, number: int) -> None:
        for connection in self._idle:
            if connection.socket and connection.socket.fileno() == number:
                connection.socket.close()
                connection.socket = None


def _wanted_seconds() -> float:
    """Returns how long this process has run or stood ready to run, kept off its core."""
    ran, waited, _ = Path("/proc/self/schedstat").read_text(encoding="ascii").split()
    return (int(ran) + int(waited)) / 1e9


def _timer(seconds: float) -> int:
    """Returns a descriptor that becomes readable at every tick, exact where epoll's own isn't."""
    c = ctypes.CDLL(None, use_errno=True)
    number: int = c.timerfd_create(time.CLOCK_MONOTONIC, os.O_NONBLOCK | os.O_CLOEXEC)
    nanoseconds = int(seconds * 1e9)
    every = (ctypes.c_long * 4)(0, nanoseconds, 0, nanoseconds)
    if number < 0 or c.timerfd_settime(number, 0, every, None):
        raise OSError(ctypes.get_errno(), "no timer")
    return number


def main() -> None:
    """Makes one part of a load."""
    generator = _Generator(Load.from_json(sys.argv[1]), int(sys.argv[2]))
    gc.disable()  # a pause of its own would count as the server's
    print("ready", flush=True)
    begins = float(sys.stdin.readline())
    print(json.dumps(generator.run(begins)), flush=True)


if __name__ == "__main__":
    main()
