"""The display of an import's progress: the protocol, and one that shows nothing."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class ProgressDisplay(Protocol):
    """What shows how far an import has come."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:
        """A callback for one file: rows loaded by a chunk, bytes of the source read so far."""

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage without a number."""


class NoDisplay:
    """Shows nothing: the import runs where nobody looks."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:  # noqa: ARG002 (as a display has it)
        """A callback that nobody hears."""
        return lambda _rows, _bytes_read: None

    def stage(self, name: str) -> AbstractContextManager[None]:  # noqa: ARG002 (as a display has it)
        """A stage that nobody sees."""
        return nullcontext()
