"""Find out who runs a command, on which host and with which software."""

import getpass
import os
import socket
from importlib.metadata import version


def provenance(*, reason: str | None, flow_run_id: str | None = None) -> dict[str, str | None]:
    """Return the user, host, software, reason and flow run of a publish, by column of ``imports``."""
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
