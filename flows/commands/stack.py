"""Define the command about the local stack: up."""

import os
from typing import Annotated

import typer


def up(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=1, max=65535, help="The port of the Prefect server; by default 4200, or a free one."
        ),
    ] = None,
) -> None:
    """Bring up the local stack: Postgres, Prefect with its pages, the deployments; Ctrl-C ends all of it."""
    from flows.orchestration.local_stack import run_stack
    from flows.output.table import say

    run_stack(os.environ, port=port, say=say)
