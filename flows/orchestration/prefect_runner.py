"""Run a stage of an import as a Prefect task, and name runs and their ends."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any, Final, ParamSpec, TypeVar

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.runtime import flow_run
from prefect.states import Failed

from flows.output.table import visible
from schemas.errors import UsageImportError
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus

NAME_LENGTH: Final = 160


SOURCES_NAMED: Final = 3


Parameters = ParamSpec("Parameters")

Result = TypeVar("Result")


class PrefectLostError(Exception):
    """Prefect could not go on, whatever the stages did."""


def told(stage: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """The same stage, ending in a state whose message is the one line of an error that a user can cause."""

    @wraps(stage)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
        try:
            return stage(*args, **kwargs)
        except UsageImportError as error:
            return Failed(message=str(error), data=error)

    return run


def stage(name: str) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """A stage as a task of that name: calling it runs the task, and gives or raises what the stage does."""

    def as_task(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        made = task(name=name, task_run_name=name, cache_policy=NO_CACHE)(told(function))

        @wraps(function)
        def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Any:
            return made(*args, **kwargs, return_state=True).result()

        return run

    return as_task


def run_name() -> str:
    """The name of a run: its sources and its day."""
    asked = flow_run.parameters
    sources = [str(source) for source in asked.get("sources") or ()]
    named = " ".join(sources[:SOURCES_NAMED])
    more = f" and {len(sources) - SOURCES_NAMED:,} more" if len(sources) > SOURCES_NAMED else ""
    clock = asked.get("clock") or datetime.now(UTC)
    return f"{short(named)}{more} {str(clock)[:10]}".strip()


def short(text: str) -> str:
    """A name as pages show it: no control characters, and where it is too long, its end."""
    shown = visible(text)
    return shown if len(shown) <= NAME_LENGTH else "…" + shown[-NAME_LENGTH:]


def canonical_line(ledger: Ledger) -> str:
    """What became of an import, in one line."""
    if ledger.status == ImportStatus.UNCHANGED:
        return f"unchanged: all files are known since import {ledger.import_id}"
    outcomes = ", ".join(
        f"{count:,} {name}"
        for name, count in (
            ("new", ledger.new),
            ("duplicate", ledger.duplicate),
            ("corrected", ledger.corrected),
            ("stale", ledger.stale),
            ("rejected", ledger.rejected),
        )
        if count
    )
    return (
        f"import {ledger.import_id} {ledger.status}: {counted(ledger.rows, 'row')} of {counted(len(ledger.files), 'file')}"
        f"{' (' + outcomes + ')' if outcomes else ''}, {counted(ledger.lines_changed, 'line')} changed"
    )


def counted(number: int, noun: str) -> str:
    """A number of things: 1 file, 2,000 files."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
