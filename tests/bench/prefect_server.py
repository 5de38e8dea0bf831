"""A Prefect server of the benchmark's own, so that a run and an empty flow both find one already there."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.ports import free_port

PATIENCE_SECONDS: Final = 120
QUIET: Final = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
}


@contextmanager
def prefect_server(folder: Path) -> Iterator[Mapping[str, str]]:
    """Run a server while the context is open, and yield the environment that leads to it."""
    port = free_port()
    environment = QUIET | {
        "PREFECT_HOME": str(folder / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
    }
    serving = subprocess.Popen(
        (sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)),
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(environment["PREFECT_API_URL"])
        yield environment
    finally:
        serving.terminate()
        serving.wait()


def _wait_for(api: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{api}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
