"""One stack for all tests of this folder: a Prefect server needs some 20 seconds to come up.

The tests run in the order of their modules; those of `test_stack`, the last one, end it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.conftest import Answer
from tests.flows.prefect.stack import CLOCK, STORY, Stack, good_row, hear, put_down, start_up, until


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that is up, with the story's catalog loaded."""
    started = start_up(tmp_path_factory.mktemp("stack"))
    try:
        hear(started, "Ctrl-C")
        started.api_url = (
            next(line.split()[1] for line in started.output if line.startswith("Prefect:")) + "/api"
        )
        started.command("catalog", STORY / "catalog", "--clock", "2026-10-01T00:00:00Z")
        yield started
    finally:
        put_down(started)


@pytest.fixture(scope="session")
def backfill(stack: Stack) -> str:
    """The id of a run of the backfill deployment, begun and not waited for."""
    deployment = stack.api("/deployments/name/import-usage/backfill")
    source = stack.folder / "backfill.jsonl"
    source.write_text("".join(good_row(f"backfill-{number}", month=9) for number in range(50)))
    parameters = {"sources": ["backfill.jsonl"], "clock": CLOCK, "reason": "a backfill"}
    run = stack.api(f"/deployments/{deployment['id']}/create_flow_run", {"parameters": parameters})
    return str(run["id"])


@dataclass(frozen=True)
class Imported:
    """A month imported through the flow: the answer of `run`, and the usage lines of the month right after it."""

    answer: Answer
    lines: str


@pytest.fixture(scope="session")
def imported(stack: Stack, backfill: str) -> Imported:
    """The story's month, imported before anything else but the backfill, which has another month."""
    answer = stack.command("run", STORY / "october.jsonl", "--clock", CLOCK, "--wait", "--json")
    until(lambda: stack.api(f"/flow_runs/{backfill}")["state"]["type"] == "COMPLETED")
    return Imported(answer, stack.command("usage", "--period", "2026-10", "--format", "csv").out)


@pytest.fixture(scope="session")
def october(imported: Imported) -> Answer:
    """The answer of the `run` that imported the story's month through the flow."""
    return imported.answer
