"""Show the progress of an import as a bar: rows, rate, share of the bytes, time left; on a terminal only.

The bar appears after a second, so that short imports stay quiet, and disappears when the import ends. Stages without a
number (hashing, deduplicating) show their name and how long they have been running.
"""

import sys
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Final, Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from flows.output.progress import WAITING, FileProgress, ProgressDisplay, WaitingLine
from transforms.values.text import visible

QUIET_SECONDS: Final = 1.0

FRAMES_A_SECOND: Final = 8

BAR_WIDTH: Final = 14
"""So that a hundred million rows still fit into a terminal of 80 columns."""

RATE_SECONDS: Final = 30.0
"""How far back the rate looks: long enough for a few chunks, short enough to follow a slow disk."""


@contextmanager
def import_progress(
    stream: TextIO | None = None, *, quiet_seconds: float = QUIET_SECONDS
) -> Iterator[ProgressDisplay]:
    """Yield a display for one import on a stream, standard error by default.

    On a terminal it is a progress bar, elsewhere at most one line, written if the import has to wait for another one.
    """
    shown_on = sys.stderr if stream is None else stream
    if not shown_on.isatty():
        yield WaitingLine(shown_on)
        return
    with ProgressBar(Console(file=shown_on, highlight=False), quiet_seconds=quiet_seconds) as bar:
        yield bar


class ProgressBar:
    """One progress bar for all files of an import; its callbacks may be called from several threads."""

    def __init__(self, console: Console, *, quiet_seconds: float) -> None:
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None, table_column=Column(max_width=BAR_WIDTH)),
            _TextBeside(table_column=Column(no_wrap=True)),
            console=console,
            transient=True,
            refresh_per_second=FRAMES_A_SECOND,
        )
        self._stage = self._bar.add_task("starting", total=None, text="")
        self._loading = self._bar.add_task("loading", total=1, text="", visible=False)
        self.tally = Tally()
        self._stages: list[str] = []
        self._turn = threading.RLock()
        self._is_over = False
        self._later = threading.Timer(quiet_seconds, self._appear)
        self._later.daemon = True

    def __enter__(self) -> Self:
        """Start the timer after which the bar appears."""
        self._later.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the bar from the terminal."""
        self._later.cancel()
        with self._turn:
            self._is_over = True
            self._bar.stop()

    def expect(self, size: int, *, files: int) -> None:
        """Announce how many files there are and how many bytes they have together, before the first begins."""
        with self._turn:
            self.tally.expected, self.tally.files_expected = size, files

    def file(self, name: str, *, size: int) -> FileProgress:
        """Return the callback for one file, which begins now."""
        with self._turn:
            self.tally.begin(size, now=monotonic())
            self._show()

        def chunk_loaded(rows: int, bytes_read: int, *, is_resumed: bool = False) -> None:
            with self._turn:
                counted = self.tally.resume if is_resumed else self.tally.add
                counted(name, rows=rows, bytes_read=min(bytes_read, size), now=monotonic())
                self._show()

        return chunk_loaded

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Show the name of a stage while the context is open."""
        with self._turn:
            self._stages.append(name)
            self._bar.reset(self._stage)
            self._show()
        try:
            yield
        finally:
            with self._turn:
                self._stages.remove(name)
                self._show()

    def waiting(self) -> AbstractContextManager[None]:
        """Show that the import waits for another one while the context is open."""
        return self.stage(WAITING)

    def _appear(self) -> None:
        with self._turn:
            if not self._is_over:
                self._bar.start()

    def _show(self) -> None:
        is_loading = bool(self.tally.size) and not self._stages
        if is_loading:
            text, size = self.tally.text(), self.tally.size
            name = self.tally.files_text() or "loading"
            self._bar.update(
                self._loading, description=name, text=text, total=size, completed=self.tally.bytes_read
            )
        elif self._stages:
            name, text = visible(self._stages[-1]), self.tally.rows_text()
            self._bar.update(self._stage, description=name, text=text)
        self._bar.update(self._loading, visible=is_loading)
        self._bar.update(self._stage, visible=not is_loading)


class Tally:
    """The rows and bytes loaded so far, over all files, and the rate of the last chunks."""

    def __init__(self) -> None:
        self.rows = 0
        self.expected = 0
        self.files_expected = 1
        self._begun = 0
        self._files_begun = 0
        self._read: dict[str, int] = {}
        self._marks: list[tuple[float, int, int]] = []

    @property
    def size(self) -> int:
        """Return the bytes of all files, as far as they are known."""
        return max(self.expected, self._begun)

    @property
    def bytes_read(self) -> int:
        """Return the bytes read of all files."""
        return sum(self._read.values())

    def begin(self, size: int, *, now: float) -> None:
        """Add a file; the rate counts from the first."""
        self._begun += size
        self._files_begun += 1
        if not self._marks:
            self._marks.append((now, 0, 0))

    def add(self, name: str, *, rows: int, bytes_read: int, now: float) -> None:
        """Add a chunk."""
        self.rows += rows
        self._read[name] = max(bytes_read, self._read.get(name, 0))
        self._marks.append((now, self.rows, self.bytes_read))
        while len(self._marks) > 2 and now - self._marks[1][0] > RATE_SECONDS:
            del self._marks[0]

    def resume(self, name: str, *, rows: int, bytes_read: int, now: float) -> None:
        """Add what was loaded before an interruption: it took no time now, so that every mark has it."""
        added = bytes_read - self._read.get(name, 0)
        self.rows += rows
        self._read[name] = bytes_read
        self._marks = [(at, marked + rows, size + added) for at, marked, size in self._marks] or [
            (now, rows, added)
        ]

    def rate(self) -> tuple[float, float]:
        """Return rows and bytes a second over the last chunks, 0 before the first."""
        if len(self._marks) < 2:
            return 0.0, 0.0
        (then, rows, size), (now, rows_now, size_now) = self._marks[0], self._marks[-1]
        passed = max(now - then, 1e-9)
        return (rows_now - rows) / passed, (size_now - size) / passed

    @property
    def share(self) -> int:
        """Return the percentage of the bytes that have been read."""
        return 100 * self.bytes_read // max(self.size, 1)

    def files_text(self) -> str:
        """Return which of several files is the last that has begun, or an empty text if there is one file."""
        return f"file {self._files_begun:,} of {self.files_expected:,}" if self.files_expected > 1 else ""

    def rows_text(self) -> str:
        """Return the rows so far, or an empty text if there are none."""
        return f"{self.rows:,} rows" if self.rows else ""

    def text(self) -> str:
        """Return rows, rate, share of the bytes and time left, as far as they are known."""
        rows_a_second, bytes_a_second = self.rate()
        words = [f"{self.rows:,} rows", f"{self.share} %"]
        if rows_a_second:
            words.insert(1, f"{rows_a_second:,.0f} rows/s")
        if bytes_a_second:
            words.append(f"{duration((self.size - self.bytes_read) / bytes_a_second)} left")
        return " · ".join(words)


def duration(seconds: float) -> str:
    """Return a duration as a clock shows it: 0:07, 12:30, 3:05:00."""
    minutes, second = divmod(max(round(seconds), 0), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


class _TextBeside(ProgressColumn):
    """The text beside the bar; for a stage without a number, with the time since it began."""

    def render(self, task: Task) -> Text:
        """Return the text of one frame."""
        words = [str(task.fields["text"])]
        if task.total is None:
            words.append(duration(task.elapsed or 0))
        return Text(" · ".join(word for word in words if word))
