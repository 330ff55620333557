"""Whether a server may listen on an address, found out before it tries."""

import socket
from ipaddress import ip_address

from core.errors import UsageError

FIRST_PORT, LAST_PORT = 1, 65_535


def check_can_listen(host: str, port: int) -> None:
    """Binds once in advance: servers fail late, in other processes, and at length.

    Raises:
        UsageError: the port is none, another program has it, or the host is not this machine's.
    """
    if not FIRST_PORT <= port <= LAST_PORT:
        raise UsageError(f"--port {port} is not from {FIRST_PORT} to {LAST_PORT}; give another")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise UsageError(
            f"can't listen on {host} port {port}: {error.strerror}; give another with --port"
        ) from None


def is_loopback(host: str) -> bool:
    """Returns whether an address is reached from this machine only; a name, if all it means is."""
    try:
        found = {str(row[4][0]) for row in socket.getaddrinfo(host, None)}
        return all(ip_address(address).is_loopback for address in found)
    except (OSError, ValueError):
        return False
