"""Provenance: who runs a command, where, with which software and why."""

import getpass
import os
import socket
from importlib.metadata import version


def provenance(*, reason: str | None, flow_run_id: str | None = None) -> dict[str, str | None]:
    """Who publishes, where, with which software and why."""
    return {
        "user_name": user_name(),
        "host": socket.gethostname(),
        "software": version("usage-import"),
        "reason": reason,
        "flow_run_id": flow_run_id,
    }


def user_name() -> str:
    """The user's name; containers run under numbers that have none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
