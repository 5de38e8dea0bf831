"""Run the stages of an import as Prefect tasks, inside a flow run.

A task takes a stage's values, never a connection or an address of a database: it opens the database that the environment
names. The files load in threads of the same process, so one event stops all of them.
"""

import time
from collections.abc import Callable, Sequence
from functools import partial
from threading import Event
from typing import Any, Final, TypeVar, TypeVarTuple

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.futures import PrefectFuture
from prefect.states import Failed
from sqlalchemy import Engine

from flows.catalog.result import CatalogResult
from flows.database.connection import open_database
from flows.imports.listing import ImportFile
from flows.imports.request import Pace
from flows.imports.runner import LoadFile, stopping
from flows.orchestration.run_names import short
from flows.output.progress import ProgressDisplay
from flows.output.wording import catalog_line
from schemas.errors import UsageImportError

LOOK_SECONDS: Final = 0.05
"""How often loads are looked at. A wait on a lock would not hear a Ctrl-C: polars' handler restarts the wait."""

Result = TypeVar("Result")

Values = TypeVarTuple("Values")


class PrefectRunner:
    """A runner whose stages are tasks of the flow run that it is made in."""

    def __init__(self, engine: Engine, *, pace: Pace, display: ProgressDisplay) -> None:
        self.engine = engine
        self.pace = pace
        self.display = display
        self._is_stopped = Event()

    def stage(self, name: str, function: Callable[[Engine, *Values], Result], *values: *Values) -> Result:
        """Run a stage as a task of its name, and return or raise what the function does."""

        def run_stage(*values: *Values) -> Any:
            result = in_database(function, *values)
            if isinstance(result, CatalogResult):
                log_catalog(result)
            return result

        as_task = task(name=name, task_run_name=name, cache_policy=NO_CACHE)(run_stage)
        result: Result = as_task(*values, return_state=True).result()
        return result

    def side_by_side(self, name: str, function: LoadFile, files: Sequence[ImportFile]) -> None:
        """Load each file as a task, named by the stage and the file."""

        @task(name=name, task_run_name=f"{name} {{file_name}}", cache_policy=NO_CACHE)
        def load(file_name: str, file: ImportFile) -> Any:
            progress = stopping(self.display, file, self._is_stopped)
            loaded = in_database(function, file, progress)
            if loaded is None:
                get_run_logger().info(LOADED, file_name, file.file_id, file.size, file.sha256)
            return loaded

        try:
            failed = run_all(
                [partial(load.submit, short(file.source.uri), file) for file in files],
                self._is_stopped,
                workers=self.pace.workers,
            )
        except BaseException:
            self._is_stopped.set()
            raise
        if failed is not None:
            failed.result()


LOADED: Final = "loaded %s: place %d, %d bytes, sha256 %s"


def log_catalog(catalog: CatalogResult) -> None:
    """Log the changes and the warnings of a catalog in the task run that loaded it."""
    logger = get_run_logger()
    logger.info("%s", catalog_line(catalog))
    for warning in catalog.warnings:
        logger.warning("%s", warning)


def in_database(function: Callable[[Engine, *Values], Any], *values: *Values) -> Any:
    """Call a stage with the database that the environment names.

    Returns what it returns, or a failed state whose message is the one line of an error that a user can cause.
    """
    try:
        with open_database() as engine:
            return function(engine, *values)
    except UsageImportError as error:
        return Failed(message=str(error), data=error)


def run_all(
    submissions: Sequence[Callable[[], PrefectFuture[Any]]], is_stopped: Event, *, workers: int
) -> PrefectFuture[Any] | None:
    """Run some tasks, a number of them at a time; return the first that failed, once those begun have ended.

    is_stopped is set as soon as one has failed; no other begins then.
    """
    loads: list[PrefectFuture[Any]] = []
    ended: list[PrefectFuture[Any]] = []
    failed: list[PrefectFuture[Any]] = []

    def load_ended(load: PrefectFuture[Any]) -> None:
        if not succeeded(load):
            failed.append(load)
            is_stopped.set()
        ended.append(load)

    for submit in submissions:
        while len(loads) - len(ended) >= workers:
            time.sleep(LOOK_SECONDS)
        if failed:
            break
        loads.append(submit())
        loads[-1].add_done_callback(load_ended)
    while len(ended) < len(loads):
        time.sleep(LOOK_SECONDS)
    return failed[0] if failed else None


def succeeded(load: PrefectFuture[Any]) -> bool:
    """Return whether a load that has ended was completed."""
    try:
        load.wait()
    except BaseException:  # noqa: BLE001 (polars gives a Ctrl-C to the thread that is at work in it)
        return False
    return load.state.is_completed()
