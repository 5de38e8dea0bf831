"""The display of an import's progress: the protocol, one that shows nothing, and one that only says that it waits."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final, Protocol, TextIO

WAITING: Final = "waiting for another import"


class FileProgress(Protocol):
    """A callback for the progress of one file."""

    def __call__(self, rows: int, bytes_read: int, *, is_resumed: bool = False) -> None:
        """Add rows, and set the bytes of the source read so far.

        is_resumed: they were loaded before an interruption, so no rate counts them.
        """


class ProgressDisplay(Protocol):
    """A display of how far an import has come."""

    def expect(self, size: int, *, files: int) -> None:
        """Announce how many files there are and how many bytes they have together, before the first begins."""

    def file(self, name: str, *, size: int) -> FileProgress:
        """Return the callback for one file, which begins now."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """Show a stage that has no number while the context is open."""

    def waiting(self) -> AbstractContextManager[None]:
        """Show that the import waits for another one while the context is open."""


class NoDisplay:
    """A display that shows nothing, for an import that runs where nobody looks."""

    def expect(self, size: int, *, files: int) -> None:
        """Ignore the files."""

    def file(self, name: str, *, size: int) -> FileProgress:  # noqa: ARG002 (as a display has it)
        """Return a callback that does nothing."""
        return lambda rows, bytes_read, *, is_resumed=False: None  # noqa: ARG005 (as a display has it)

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
