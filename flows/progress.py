"""The progress bar."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext


class Quiet:
    """Shows nothing."""

    def file(self, name: str, *, size: int) -> Callable[[int, int], None]:
        return lambda rows, bytes_read: None

    def stage(self, name: str) -> AbstractContextManager[None]:
        return nullcontext()


@contextmanager
def import_progress() -> Iterator[Quiet]:
    yield Quiet()
