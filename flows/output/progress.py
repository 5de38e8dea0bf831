"""The display of an import's progress: the protocol, one that shows nothing, and one that only says that it waits."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TextIO

WAITING: Final = "waiting for another import"


class ProgressDisplay(Protocol):
    """A display of how far an import has come."""

    def expect(self, size: int) -> None:
        """Announce how many bytes all files have together, before the first of them begins."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:
        """Return a callback for one file: rows loaded by a chunk, bytes of the source read so far."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show a stage that has no number while the context is open."""

    def waiting(self) -> AbstractContextManager[None]:
        """Show that the import waits for another one while the context is open."""


class NoDisplay:
    """A display that shows nothing, for an import that runs where nobody looks."""

    def expect(self, size: int) -> None:
        """Ignore the size."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:  # noqa: ARG002 (as a display has it)
        """Return a callback that does nothing."""
        return lambda _rows, _bytes_read: None

    def stage(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 (as a display has it)
        """Return an empty context."""
        return nullcontext()

    def waiting(self) -> AbstractContextManager[None]:
        """Return an empty context."""
        return nullcontext()


class WaitingLine(NoDisplay):
    """A display for a pipe or a log file: one line if the import has to wait, and nothing else."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def waiting(self) -> AbstractContextManager[None]:
        """Write the line."""
        self._stream.write(f"{WAITING} …\n")
        self._stream.flush()
        return nullcontext()
