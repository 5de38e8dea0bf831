"""The import as a Prefect flow: the stages of an import as tasks, in the order in which they happen.

Tasks take paths and ids, never frames or connections, and open the database that the environment names; so no address
and no password of it is ever a parameter. The flow holds the import lock, and with it the database, from the first file
to the last word.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import Annotated, Any, Final

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.urls import url_for
from pydantic import AwareDatetime, Field

from flows.database.connection import open_database
from flows.database.import_lock import import_lock
from flows.imports.begin import OpenImport, begin_import
from flows.imports.finish import fail_import, finish_import, load_import_file
from flows.imports.ledger import unchanged_ledger
from flows.imports.listing import HashedSource, ImportFile, identify_sources
from flows.imports.request import ImportRequest, Pace, pace
from flows.imports.runner import is_final, stopping
from flows.orchestration.artifacts import keep_artifacts
from flows.orchestration.prefect_runner import PrefectLostError, canonical_line, run_name, short, stage, told
from flows.output.instants import instant
from flows.output.progress import NoDisplay, ProgressDisplay
from flows.output.progress_bar import ProgressBar
from flows.sources.reading import ChunkSize
from schemas.errors import UsageImportError
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus

LOOK_SECONDS: Final = 0.05
"""How often loads are looked at. Waiting for them on a lock would not hear a Ctrl-C: polars' handler restarts the wait."""


SIDE_BY_SIDE: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=pace().workers)


@dataclass
class Listener:
    """Who hears of an import in the same process: a display, a person, and what came of it so far."""

    display: ProgressDisplay = field(default_factory=NoDisplay)
    say: Callable[[str], None] = lambda _: None
    ledger: Ledger | None = None
    is_stopped: Event = field(default_factory=Event)

    def expect(self, files: list[ImportFile]) -> None:
        """Say how much there is to load before the first file begins."""
        if isinstance(self.display, ProgressBar):
            self.display.expect(sum(file.size for file in files))

    def progress(self, file: ImportFile) -> Callable[[int, int], None]:
        """What is told after each chunk of a file; it ends the load where the import has been stopped."""
        return stopping(self.display.file(file.source.uri, size=file.size), self.is_stopped)


_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


def listening() -> Listener:
    """The listener of this run; one that hears nothing where the flow was not called from here."""
    return _listener.get() or Listener()


@flow(
    name="import-usage",
    description="Turns exports of usage events into invoice-ready usage lines: exact, restartable, explainable.",
    flow_run_name=run_name,
    task_runner=SIDE_BY_SIDE,
    persist_result=False,
)
@told
def import_usage(
    sources: list[str],
    catalog: str | None = None,
    mapping: str | None = None,
    clock: AwareDatetime | None = None,
    max_rejected: Annotated[Decimal, Field(ge=0, le=1)] | None = None,
    reason: str | None = None,
    wait: bool = True,  # noqa: FBT001, FBT002 (Prefect shows it as a switch of its form)
) -> State[Any]:
    """Import usage events.

    Args:
        sources: files, folders, globs or s3://, gs://, az:// URLs
        catalog: a folder with customers, meters, plans and contracts to load first
        mapping: a TOML file that says how the sources' columns become fields
        clock: the instant to go by instead of now
        max_rejected: the share of rows above which the import fails, 0.05 for 5 %, as without it
        reason: kept in the history
        wait: wait for an import at work instead of giving up
    """
    request = ImportRequest(
        sources=tuple(sources),
        mapping_file=mapping,
        clock=clock,
        max_rejected=max_rejected,
        reason=reason,
        flow_run_id=flow_run.id,
    )
    with exclusive_import(wait=wait):
        if catalog is not None:
            load_catalog(catalog, request)
        hashed = list_and_hash(sources)
        plan = begin(request, hashed)
        if plan.is_unchanged and not plan.is_resumed:
            return ended(nothing_new(plan))
        load_files(plan)
        ledger = settle_and_publish(plan)
        write_artifacts(ledger)
    return ended(ledger)


@contextmanager
def exclusive_import(*, wait: bool) -> Iterator[None]:
    """Hold the import lock, and the database up, until the import has ended; tell the listener where the run is seen."""
    listener = listening()
    listener.say(f"this run: {url_for('flow-run', obj_id=flow_run.id)}")
    with ExitStack() as held:
        engine = held.enter_context(open_database())
        with listener.display.stage("waiting for another import") if wait else ExitStack():
            held.enter_context(import_lock(engine, wait=wait))
        yield


@stage("load catalog")
def load_catalog(folder: str, request: ImportRequest) -> int:
    """Load a catalog, all or nothing."""
    from flows.catalog.apply import apply_catalog

    with open_database() as engine, engine.begin() as connection:
        applied = apply_catalog(
            connection, Path(folder), clock=request.clock or datetime.now(UTC), reason=request.reason
        )
    return applied.version


@stage("list and hash sources")
def list_and_hash(sources: list[str]) -> tuple[HashedSource, ...]:
    """The files of the sources, in the order of their places, with what their bytes are."""
    with listening().display.stage("hashing"):
        return identify_sources(sources)


@stage("begin")
def begin(request: ImportRequest, hashed: tuple[HashedSource, ...]) -> OpenImport:
    """Give the import its id and its files their places, or take up the unfinished one it repeats."""
    with open_database() as engine:
        return begin_import(engine, request, hashed)


@task(name="load", task_run_name="load {name}", cache_policy=NO_CACHE)
@told
def load(name: str, plan: OpenImport, file: ImportFile, *, chunk: ChunkSize) -> None:
    """Load one file, going on from its last chunk."""
    with open_database() as engine:
        load_import_file(engine, plan, file, chunk=chunk, progress=listening().progress(file))
    get_run_logger().info(
        "loaded %s: place %d, %d bytes, sha256 %s", name, file.file_id, file.size, file.sha256
    )


@stage("settle, roll up and publish")
def settle_and_publish(plan: OpenImport) -> Ledger:
    """Give every row its outcome, and let what came of it count: one transaction."""
    listener = listening()
    with open_database() as engine, listener.display.stage("settling, rolling up, publishing"):
        ledger = finish_import(engine, plan)
    listener.ledger = ledger
    return ledger


@stage("write artifacts")
def write_artifacts(ledger: Ledger) -> None:
    """Show the ledger, the rejections and what changed on the run's page."""
    with open_database() as engine:
        keep_artifacts(engine, ledger)


def nothing_new(plan: OpenImport) -> Ledger:
    """The ledger of an import whose files are all known."""
    with open_database() as engine:
        ledger = unchanged_ledger(engine, plan)
    listening().ledger = ledger
    return ledger


def load_files(plan: OpenImport) -> None:
    """Load the files side by side; after one has failed no other begins, and nothing of the import counts for now."""
    files = [file for file in plan.files if not file.is_unchanged]
    listening().expect(files)
    try:
        load_side_by_side(plan, files, pace=pace())
    except UsageImportError as error:
        if is_final(error):
            with open_database() as engine:
                fail_import(engine, plan, str(error))
            failed = Ledger(import_id=plan.import_id, status=ImportStatus.FAILED, clock=instant(plan.clock))
            write_artifacts(replace(failed, message=str(error)))
        raise


def load_side_by_side(plan: OpenImport, files: list[ImportFile], *, pace: Pace) -> None:
    """Load all files; raises what the first one to fail raised, once those begun have ended."""
    loads: list[PrefectFuture[None]] = []
    ended_loads: list[PrefectFuture[None]] = []
    failed: list[PrefectFuture[None]] = []
    is_stopped, chunk = listening().is_stopped, pace.chunk(files=len(files))

    def load_ended(loaded: PrefectFuture[None]) -> None:
        if not succeeded(loaded):
            failed.append(loaded)
            is_stopped.set()
        ended_loads.append(loaded)

    try:
        for file in files:
            while len(loads) - len(ended_loads) >= pace.workers:
                time.sleep(LOOK_SECONDS)
            if failed:
                break
            name, small = short(file.source.uri), replace(plan, files=())
            loads.append(load.submit(name, small, file, chunk=chunk))
            loads[-1].add_done_callback(load_ended)
        while len(ended_loads) < len(loads):
            time.sleep(LOOK_SECONDS)
    except BaseException:
        is_stopped.set()
        raise
    if failed:
        failed[0].result()


def succeeded(loaded: PrefectFuture[Any]) -> bool:
    """Whether a load that has ended came to its end."""
    try:
        loaded.wait()
    except BaseException:  # noqa: BLE001 (polars gives a Ctrl-C to the thread that is at work in it)
        return False
    return loaded.state.is_completed()


def ended(ledger: Ledger) -> State[Any]:
    """The last state of a run: its message is what became of the import."""
    if ledger.status == ImportStatus.FAILED:
        get_run_logger().error(ledger.message)
        return Failed(message=ledger.message)
    line = canonical_line(ledger)
    get_run_logger().info(line)
    return Completed(message=line)


def run_flow(request: ImportRequest, *, wait: bool, listener: Listener) -> Ledger:
    """Call the flow in this process and give its ledger.

    Raises what the stages raise, and PrefectLostError where Prefect itself could not go on; `listener.ledger` then says
    whether the import had already ended.
    """
    token = _listener.set(listener)
    try:
        with temporary_settings(
            {PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
        ):  # its end waits a second for the next beat
            state: State[Any] = import_usage(
                sources=list(request.sources),
                mapping=request.mapping_file,
                clock=request.clock,
                max_rejected=request.max_rejected,
                reason=request.reason,
                wait=wait,
                return_state=True,
            )
    except Exception as error:
        raise PrefectLostError(type(error).__name__) from error
    finally:
        listener.is_stopped.set()
        _listener.reset(token)
    if listener.ledger is not None:
        return listener.ledger
    raise state.result(raise_on_failure=False)
