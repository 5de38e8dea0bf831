"""Tell who runs a command, where, with which software and why."""

import getpass
import os
import socket
from importlib.metadata import version


def provenance(*, reason: str | None, flow_run_id: str | None = None) -> dict[str, str | None]:
    """Return who publishes, where, with which software and why, by column of ``imports``."""
    return {
        "user_name": user_name(),
        "host": socket.gethostname(),
        "software": version("usage-import"),
        "reason": reason,
        "flow_run_id": flow_run_id,
    }


def user_name() -> str:
    """Return the user's name, or its number: containers run under numbers without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
