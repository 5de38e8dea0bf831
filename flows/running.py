"""Running: the stages of an import one after the other, without Prefect."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Final, Protocol, TypeVar

from sqlalchemy import Engine, func, insert, text, update

from flows.database import import_lock
from flows.history import show_import
from flows.importing import (
    ImportPlan,
    ImportRequest,
    PlannedFile,
    begin_import,
    fail_import,
    finish_import,
    identify_sources,
    load_planned_file,
    next_id,
)
from flows.load import Progress
from flows.provenance import provenance
from flows.publish import prepare, publish, scope_of
from flows.reading import CHUNK_ROWS, ChunkSize
from flows.staging import drop_staging
from flows.terminal import instant
from schemas.errors import ConfigurationError, UnreachableError, UsageImportError
from schemas.ledger import FileLedger, ImportKind, ImportStatus, Ledger
from schemas.tables import imports

WORKERS: Final = 2
"""Files loaded side by side: one is read and sifted while Postgres takes the other's rows."""

TURN_SECONDS: Final = 0.1
"""How long a Ctrl-C may go unheard while files are loading."""

Item = TypeVar("Item")


class ProgressDisplay(Protocol):
    """What shows how far an import has come."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:
        """A callback for one file: rows loaded by a chunk, bytes of the source read so far."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage without a number."""


class StoppedError(UsageImportError):
    """A load was told to stop at a chunk's end, because another one failed or somebody interrupted."""


@dataclass(frozen=True)
class Pace:
    """How an import is cut up; no number depends on it."""

    workers: int = WORKERS
    chunk_rows: int = CHUNK_ROWS

    def chunk(self, *, files: int) -> ChunkSize:
        """The size of a chunk where so many files are loaded."""
        return ChunkSize(rows=self.chunk_rows).shared(max(1, min(self.workers, files)))


def pace(environ: Mapping[str, str] | None = None) -> Pace:
    """The pace asked for by USAGE_IMPORT_WORKERS and USAGE_IMPORT_CHUNK_ROWS."""
    environment = os.environ if environ is None else environ
    return Pace(
        workers=_whole(environment, "USAGE_IMPORT_WORKERS", WORKERS),
        chunk_rows=_whole(environment, "USAGE_IMPORT_CHUNK_ROWS", CHUNK_ROWS),
    )


def _whole(environment: Mapping[str, str], name: str, default: int) -> int:
    told = environment.get(name) or str(default)
    if not told.isascii() or not told.isdigit() or int(told) < 1:
        raise ConfigurationError(f"{name} is {told!r}; give a whole number from 1")
    return int(told)


def run_import(
    engine: Engine, request: ImportRequest, *, wait: bool, pace: Pace, display: ProgressDisplay
) -> Ledger:
    """Import some sources; the ledger says what came of it, also where the import failed for its rows."""
    with import_lock(engine, wait=wait):
        with display.stage("hashing"):
            hashed = identify_sources(request.sources)
        plan = begin_import(engine, request, hashed)
        if plan.is_unchanged and not plan.is_resumed:
            return unchanged_ledger(engine, plan)
        load_files(engine, plan, pace=pace, display=display)
        with display.stage("settling, rolling up, publishing"):
            return finish_import(engine, plan)


def load_files(engine: Engine, plan: ImportPlan, *, pace: Pace, display: ProgressDisplay) -> None:
    """Load the files of an import side by side.

    Where one cannot be read, nothing of the import counts. Where somebody interrupts, or the storage or Postgres does not
    answer, what is committed stays and the same command goes on from there.
    """
    is_stopped = Event()
    files = [file for file in plan.files if not file.is_unchanged]
    chunk = pace.chunk(files=len(files))

    def load(file: PlannedFile) -> None:
        progress = stopping(display.file(file.source.uri, size=file.size), is_stopped)
        load_planned_file(engine, plan, file, chunk=chunk, progress=progress)

    with ThreadPoolExecutor(max_workers=pace.workers) as pool:
        loading = [pool.submit(load, file) for file in files]
        try:
            for loaded in ended(loading):
                loaded.result()
        except BaseException as error:
            end_loading(pool, is_stopped)
            if is_final(error):
                fail_import(engine, plan, str(error))
            raise


def is_final(error: BaseException) -> bool:
    """Whether an error of a load would come again however often the files are read."""
    return isinstance(error, UsageImportError) and not isinstance(error, UnreachableError | StoppedError)


def ended(loading: Iterable[Future[Item]]) -> Iterator[Future[Item]]:
    """The loads as they end; waits in short turns, since one without an end would not hear a Ctrl-C."""
    at_work = set(loading)
    while at_work:
        done, at_work = futures_wait(at_work, timeout=TURN_SECONDS, return_when=FIRST_COMPLETED)
        yield from done


def stopping(progress: Progress, is_stopped: Event) -> Progress:
    """The same callback, which also ends the load at a chunk's end once the import has been stopped."""

    def chunk_loaded(rows: int, bytes_read: int) -> None:
        progress(rows, bytes_read)
        if is_stopped.is_set():
            raise StoppedError("stopped, as the import was")

    return chunk_loaded


def end_loading(pool: ThreadPoolExecutor, is_stopped: Event) -> None:
    """End the loads at work at their next chunk, and begin no other."""
    is_stopped.set()
    pool.shutdown(cancel_futures=True)


def unchanged_ledger(engine: Engine, plan: ImportPlan) -> Ledger:
    """The ledger of an import whose files are all known: nothing was read."""
    known = "select max(published_import_id) from files where file_id = any(:file_ids)"
    with engine.connect() as connection:
        import_id = connection.scalar(text(known), {"file_ids": [file.file_id for file in plan.files]})
    return Ledger(
        import_id=import_id,
        status=ImportStatus.UNCHANGED,
        clock=instant(plan.clock),
        files=[_unchanged_file(file) for file in plan.files],
    )


def _unchanged_file(file: PlannedFile) -> FileLedger:
    return FileLedger(
        uri=file.source.uri, sha256=file.sha256, file_id=file.file_id, size=file.size, is_unchanged=True
    )


def run_rollup(engine: Engine, *, clock: datetime | None, reason: str | None, wait: bool) -> Ledger:
    """Recompute what a catalog or setting has changed since the last publish, and publish it."""
    with import_lock(engine, wait=wait), engine.begin() as connection:
        prepare(connection)
        import_id = next_id(connection, imports.c.import_id)
        read_at = clock or datetime.now(UTC)
        connection.execute(
            insert(imports).values(
                import_id=import_id,
                kind=ImportKind.ROLLUP,
                status=ImportStatus.LOADING,
                clock=read_at,
                sources={"sources": [], "mapping": None},
                **provenance(reason=reason),
            )
        )
        connection.execute(
            text(
                "create temporary table touched (customer_no int, file_id int, at timestamptz) on commit drop"
            )
        )
        published = publish(
            connection, scope_of(connection), import_id=import_id, clock=read_at, arrived=None
        )
    return Ledger(
        import_id=import_id,
        status=ImportStatus.PUBLISHED,
        clock=instant(read_at),
        lines_changed=published.lines_changed,
    )


def give_up_import(engine: Engine, import_id: int) -> None:
    """End an unfinished import: nothing of it counts, its files keep their places."""
    with import_lock(engine, wait=False), engine.begin() as connection:
        status = show_import(connection, import_id)["status"]
        if status != ImportStatus.LOADING:
            raise UsageImportError(
                f"import {import_id} is {status}; only an unfinished import can be given up"
            )
        statement = update(imports).where(imports.c.import_id == import_id)
        connection.execute(statement.values(status=ImportStatus.REVERTED, finished_at=func.clock_timestamp()))
        drop_staging(connection, import_id)
