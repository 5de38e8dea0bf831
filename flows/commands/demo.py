"""Run the demonstration of `make demo`: a story from export to usage lines, through Prefect, in a temporary home."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from flows.database.embedded.installation import URL_VARIABLE
from flows.orchestration.local_stack import local_stack
from flows.orchestration.prefect_api import API_VARIABLE
from flows.output.table import say
from schemas.errors import UsageImportError

PROJECT: Final = Path(__file__).parents[2]
STORY: Final = Path("data-samples/01-clean-month")
COMMANDS: Final = (
    ("run", f"{STORY}/october.jsonl", "--catalog", f"{STORY}/catalog", "--clock", "2026-11-02T06:00:00Z"),
    ("usage",),
)


def main() -> None:
    """Bring a stack up, import the story through its flow, print the lines, and take everything down again."""
    try:
        with tempfile.TemporaryDirectory(prefix="usage-import-demo-", ignore_cleanup_errors=True) as folder:
            demonstrate(environment(folder))
    except UsageImportError as error:
        say(f"usage-import: {error}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(1)
    say(
        "this demonstration and its pages are gone again; to keep such a stack and its pages up, run 'usage-import up',"
    )
    say(f"and in another terminal: usage-import {' '.join(COMMANDS[0])}")


def environment(folder: str) -> dict[str, str]:
    """Return this environment with a home of its own, so that no other database, stack or Prefect is touched."""
    others = (API_VARIABLE, "PREFECT_PROFILE", URL_VARIABLE)
    inherited = {name: value for name, value in os.environ.items() if name not in others}
    return inherited | {"USAGE_IMPORT_HOME": folder, "PYTHONPATH": str(PROJECT)}


def demonstrate(environ: Mapping[str, str]) -> None:
    """Print each command as a person would type it, and run it."""
    with local_stack(environ, say=say, is_serving=False) as stack:
        say(f"Prefect, as long as this demonstration runs: {stack.addresses.ui_url}")
        for command in COMMANDS:
            print(f"\n$ usage-import {' '.join(command)}", flush=True)
            finished = subprocess.run(  # noqa: S603 (our own commands)
                [sys.executable, "-m", "flows", *command], cwd=PROJECT, env=dict(environ), check=False
            )
            if finished.returncode:
                raise UsageImportError(f"'usage-import {' '.join(command)}' ended with {finished.returncode}")
        print(flush=True)


if __name__ == "__main__":
    main()
