"""An address that can't be listened on is told in one line."""

import socket

import pytest

from core.errors import UsageError
from core.listening import check_can_listen, is_loopback


@pytest.mark.parametrize("port", [-1, 0, 65_536, 99_999])
def test_a_port_that_is_none(port):
    with pytest.raises(UsageError, match=rf"--port {port} is not from 1 to 65535"):
        check_can_listen("127.0.0.1", port)


def test_a_port_is_free_until_somebody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        taken.listen()
        with pytest.raises(UsageError, match=f"127.0.0.1 port {port}: Address already in use"):
            check_can_listen("127.0.0.1", port)
    check_can_listen("127.0.0.1", port)


def test_a_host_of_another_machine():
    with pytest.raises(UsageError, match=r"can't listen on 192\.0\.2\.1 port 8080"):
        check_can_listen("192.0.2.1", 8080)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_what_is_reached_from_this_machine_only(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "10.0.0.1", "no.such.invalid"])
def test_what_others_may_reach(host):
    assert not is_loopback(host)


def test_a_name_that_means_two_addresses_is_as_open_as_either(monkeypatch):
    rows = [(2, 1, 6, "", (address, 0)) for address in ("127.0.0.1", "192.0.2.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: rows)
    assert not is_loopback("both.example")
