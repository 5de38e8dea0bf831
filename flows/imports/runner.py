"""Run the stages of an import: the protocol of a runner, and one that runs them in threads of this process."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor
from concurrent.futures import wait as futures_wait
from threading import Event
from typing import Final, Protocol, TypeVar, TypeVarTuple

from sqlalchemy import Engine

from flows.imports.endings import StoppedError
from flows.imports.listing import ImportFile
from flows.imports.request import Pace
from flows.output.progress import FileProgress, ProgressDisplay

TURN_SECONDS: Final = 0.1
"""How long a Ctrl-C may go unheard while files are loading."""

Item = TypeVar("Item")

Result = TypeVar("Result")

Values = TypeVarTuple("Values")

LoadFile = Callable[[Engine, ImportFile, FileProgress], None]
"""The stage that loads one file; the runner supplies the engine and the callback for its chunks."""


class Runner(Protocol):
    """A way to run the stages of one import.

    A stage is what commits: a function of an engine, which the runner supplies, and of values that could be sent to
    another process.
    """

    engine: Engine
    """The database, which stays up until the import has ended."""
    pace: Pace
    display: ProgressDisplay

    def stage(self, name: str, function: Callable[[Engine, *Values], Result], *values: *Values) -> Result:
        """Run a stage, and return or raise what the function does."""

    def side_by_side(self, name: str, function: LoadFile, files: Sequence[ImportFile]) -> None:
        """Load files side by side, as many at a time as the pace says.

        After one has failed, those at work stop at their next chunk and no other begins; raises the error of the first.
        """


class ThreadRunner:
    """A runner that calls the stages directly and loads files in threads of this process."""

    def __init__(self, engine: Engine, *, pace: Pace, display: ProgressDisplay) -> None:
        self.engine = engine
        self.pace = pace
        self.display = display

    def stage(self, name: str, function: Callable[[Engine, *Values], Result], *values: *Values) -> Result:  # noqa: ARG002 (a runner has it)
        """Call the function."""
        return function(self.engine, *values)

    def side_by_side(self, name: str, function: LoadFile, files: Sequence[ImportFile]) -> None:  # noqa: ARG002
        """Load each file in a thread."""
        is_stopped = Event()

        def load(file: ImportFile) -> None:
            function(self.engine, file, stopping(self.display, file, is_stopped))

        with ThreadPoolExecutor(max_workers=self.pace.workers) as pool:
            loads = [pool.submit(load, file) for file in files]
            try:
                for loaded in ended(loads):
                    loaded.result()
            except BaseException:
                is_stopped.set()
                pool.shutdown(cancel_futures=True)
                raise


def ended(loads: Iterable[Future[Item]]) -> Iterator[Future[Item]]:
    """Yield the loads as they end; waits in short turns, since a wait without a limit would not hear a Ctrl-C."""
    at_work = set(loads)
    while at_work:
        done, at_work = futures_wait(at_work, timeout=TURN_SECONDS, return_when=FIRST_COMPLETED)
        yield from done


def stopping(display: ProgressDisplay, file: ImportFile, is_stopped: Event) -> FileProgress:
    """Return a callback that shows a file's chunks, and that ends its load at a chunk's end once the import is stopped."""
    progress = display.file(file.source.uri, size=file.size)

    def chunk_loaded(rows: int, bytes_read: int, *, is_resumed: bool = False) -> None:
        progress(rows, bytes_read, is_resumed=is_resumed)
        if is_stopped.is_set():
            raise StoppedError("stopped, as the import was")

    return chunk_loaded
