"""Ports of this machine for servers under test, and ports on which nobody answers."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


def free_port() -> int:
    """A port on which a server may listen now."""
    with closed_port() as port:
        return port


@contextmanager
def closed_port() -> Iterator[int]:
    """A port on which nobody answers: bound and not listened on, so that no other server can take it meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield int(held.getsockname()[1])
