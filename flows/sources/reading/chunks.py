"""Chunks: runs of rows, numbered and cut to bounded size."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Self

import polars as pl

from flows.sources.reading.interruption import BreakOffError
from flows.sources.reading.runs import Run
from schemas.errors import UsageImportError
from schemas.frames.chunk import Chunk

CHUNK_ROWS = 100_000
"""Rows of a chunk at most: pandera and COPY reach their full speed from here on (measured)."""

CHUNK_BYTES = 32 * 1024 * 1024
"""A chunk ends with the run that makes its rows this large, so that wide rows stay in bounded memory."""


@dataclass(frozen=True)
class ChunkSize:
    """How large a chunk may be: at most so many rows, and about so many bytes."""

    rows: int = CHUNK_ROWS
    bytes: int = CHUNK_BYTES

    def shared(self, readers: int) -> Self:
        """The size with which several that read side by side hold no more together than one alone."""
        return type(self)(rows=max(1, self.rows // readers), bytes=max(1, self.bytes // readers))


CHUNK = ChunkSize()


class Numbering:
    """Numbers the rows of one file and collects them into chunks."""

    def __init__(self, *, after_row: int, progress: Callable[[], int]) -> None:
        self.row = 0
        self._after = after_row
        self._progress = progress
        self._runs: list[Run] = []
        self.rows = 0
        self.size = 0

    def add(self, run: Run, *, room: int) -> Run | None:
        """Takes as many rows as there is room for; answers the rest."""
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

    def chunk(self) -> Chunk:
        """The rows collected so far as one chunk; collecting begins anew."""
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
            malformed.update({start + index: why for index, why in run.malformed.items()})
            start += len(run)
        raws = list(chain.from_iterable(run.raws or () for run in runs))
        cells = [run.cells for run in runs if run.cells is not None]
        self._runs, self.rows, self.size = [], 0, 0
        return Chunk(
            positions=positions,
            raws=None if runs[0].raws is None else raws,
            cells=_together(cells) if cells else None,
            malformed=malformed,
            bytes_read=self._progress(),
        )


def _together(cells: list[pl.DataFrame]) -> pl.DataFrame:
    """The cells of several runs; a column of which one run is bytes, because a text in it is broken, is bytes in all."""
    broken = {name for run in cells for name, kind in run.schema.items() if kind == pl.Binary}
    return pl.concat([run.with_columns(pl.col(*broken).cast(pl.Binary)) if broken else run for run in cells])


def cut_chunks(
    runs: Iterator[Run], *, name: str, after_row: int, size: ChunkSize, progress: Callable[[], int]
) -> Iterator[Chunk]:
    """Chunks of at most that size; where the source breaks off, what came before is yielded first."""
    numbering = Numbering(after_row=after_row, progress=progress)
    interruption: BreakOffError | None = None
    while True:
        try:
            run = next(runs, None)
        except BreakOffError as error:
            interruption, run = error, None
        if run is None:
            break
        rest: Run | None = run
        while rest is not None:
            rest = numbering.add(rest, room=size.rows - numbering.rows)
            if numbering.rows >= size.rows or numbering.size >= size.bytes:
                yield numbering.chunk()
    if numbering.rows:
        yield numbering.chunk()
    if interruption is not None:
        message = f"{name}: {interruption}, after row {numbering.row:,}; get the whole file again"
        raise UsageImportError(message) from interruption
