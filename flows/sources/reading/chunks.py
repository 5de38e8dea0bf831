"""Number the rows of a file and cut them into chunks of bounded size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import polars as pl

from flows.sources.reading.interruption import InterruptionError
from flows.sources.reading.runs import Run
from schemas.errors import UsageImportError
from schemas.frames.chunk import Chunk

CHUNK_ROWS = 100_000
"""The most rows of a chunk: pandera and COPY reach their full speed at this size (measured)."""

CHUNK_BYTES = 32 * 1024 * 1024
"""A chunk ends with the run that takes its rows to this size, so that wide rows stay in bounded memory."""


@dataclass(frozen=True)
class ChunkSize:
    """The size of a chunk: at most so many rows, and about so many bytes."""

    rows: int = CHUNK_ROWS
    bytes: int = CHUNK_BYTES

    def shared(self, readers: int) -> Self:
        """Return the size that lets several readers side by side hold no more rows than one reader would."""
        return type(self)(rows=max(1, self.rows // readers), bytes=max(1, self.bytes // readers))


CHUNK = ChunkSize()


def cut_chunks(
    runs: Iterator[Run],
    *,
    name: str,
    after_row: int,
    size: ChunkSize,
    progress: Callable[[], int],
    ends_open: Callable[[], bool],
) -> Iterator[Chunk]:
    """Cut runs into chunks of at most ``size``, leaving out the rows up to ``after_row``.

    progress: returns the bytes of the source read so far. ends_open: returns whether it is CSV that has ended without a
    line end. Raises UsageImportError if the source breaks off; the rows before the break are yielded first.
    """
    builder = _ChunkBuilder(after_row=after_row, progress=progress, ends_open=ends_open)
    interruption: InterruptionError | None = None
    while True:
        try:
            run = next(runs, None)
        except InterruptionError as error:
            interruption, run = error, None
        if run is None:
            break
        rest: Run | None = run
        while rest is not None:
            rest = builder.add(rest, room=size.rows - builder.rows)
            if builder.rows >= size.rows or builder.size >= size.bytes:
                yield builder.build()
    if builder.rows:
        yield builder.build()
    if interruption is not None:
        message = f"{name}: {interruption}, after row {builder.row:,}; get the whole file again"
        raise UsageImportError(message) from interruption


class _ChunkBuilder:
    """A builder that numbers the rows of one file and collects them into chunks."""

    def __init__(self, *, after_row: int, progress: Callable[[], int], ends_open: Callable[[], bool]) -> None:
        self.row = 0
        self._after = after_row
        self._progress = progress
        self._ends_open = ends_open
        self._runs: list[Run] = []
        self.rows = 0
        self.size = 0

    def add(self, run: Run, *, room: int) -> Run | None:
        """Take up to ``room`` rows of a run and return the rest of it, if any."""
        skipped = min(len(run), max(0, self._after - self.row))
        self.row += skipped
        run = run.tail(skipped)
        taken = run.slice(0, min(len(run), room))
        if len(taken):
            self._runs.append(taken)
        self.row += len(taken)
        self.rows += len(taken)
        self.size += taken.size
        return run.tail(len(taken)) if len(taken) < len(run) else None

    def build(self) -> Chunk:
        """Return the rows collected so far as one chunk, and begin the next one."""
        runs, first = self._runs, self.row - self.rows + 1
        positions = pl.DataFrame(
            {
                "row": pl.int_range(first, self.row + 1, dtype=pl.Int64, eager=True),
                "line": pl.concat([run.lines for run in runs]),
                "byte_offset": pl.concat([run.offsets for run in runs]),
            }
        )
        malformed, start = {}, 0
        for run in runs:
            malformed.update({start + index: fault for index, fault in run.malformed.items()})
            start += len(run)
        raws = list(chain.from_iterable(run.raws or () for run in runs))
        cells = [run.cells for run in runs if run.cells is not None]
        self._runs, self.rows, self.size = [], 0, 0
        return Chunk(
            positions=positions,
            raws=None if runs[0].raws is None else raws,
            cells=_concatenate_cells(cells) if cells else None,
            malformed=malformed,
            bytes_read=self._progress(),
            ends_open=self._ends_open(),
        )


def _concatenate_cells(cells: list[pl.DataFrame]) -> pl.DataFrame:
    """Return the cells of several runs as one frame.

    A column that one run has as bytes, because a text in it is not UTF-8, becomes bytes in all of them.
    """
    broken = {name for run in cells for name, kind in run.schema.items() if kind == pl.Binary}
    return pl.concat([run.with_columns(pl.col(*broken).cast(pl.Binary)) if broken else run for run in cells])
