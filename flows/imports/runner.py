"""Run the stages of an import in threads of this process."""

from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from threading import Event
from typing import Final, TypeVar

from sqlalchemy import Engine

from flows.imports.begin import OpenImport
from flows.imports.finish import fail_import, load_import_file
from flows.imports.listing import ImportFile
from flows.imports.load import Progress
from flows.imports.request import Pace
from flows.output.progress import ProgressDisplay
from schemas.errors import UnreachableError, UsageImportError

TURN_SECONDS: Final = 0.1
"""How long a Ctrl-C may go unheard while files are loading."""

Item = TypeVar("Item")


class StoppedError(UsageImportError):
    """A load was told to stop at a chunk's end, because another one failed or somebody interrupted."""


def load_files(engine: Engine, plan: OpenImport, *, pace: Pace, display: ProgressDisplay) -> None:
    """Load the files of an import side by side.

    Where one cannot be read, nothing of the import counts. Where somebody interrupts, or the storage or Postgres does not
    answer, what is committed stays and the same command goes on from there.
    """
    is_stopped = Event()
    files = [file for file in plan.files if not file.is_unchanged]
    chunk = pace.chunk(files=len(files))

    def load(file: ImportFile) -> None:
        progress = stopping(display.file(file.source.uri, size=file.size), is_stopped)
        load_import_file(engine, plan, file, chunk=chunk, progress=progress)

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
