"""Hold consecutive rows of one file, as a reader finds them, before they are cut into chunks."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from flows.sources.reading.soundness import is_sound, json_fault
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Malformed

OVERSIZED = f"row is longer than {ROW_LIMIT_BYTES // 1024**2} MiB"


@dataclass(frozen=True)
class Run:
    """Consecutive rows of one file.

    lines, offsets: Int64, one value per row.
    raws: as in ``Chunk``.
    cells: one row per row, or None.
    malformed: the fault of a row that cannot be read, by the row's index within the run.
    size: bytes of memory that the rows take, roughly.
    """

    lines: pl.Series
    offsets: pl.Series
    raws: list[bytes] | None
    size: int
    cells: pl.DataFrame | None = None
    malformed: dict[int, Malformed] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.lines)

    def tail(self, skipped: int) -> "Run":
        """Return the run without its first ``skipped`` rows."""
        return self.slice(skipped, len(self) - skipped)

    def slice(self, start: int, length: int) -> "Run":
        """Return ``length`` rows from index ``start``."""
        if start == 0 and length == len(self):
            return self
        return Run(
            lines=self.lines.slice(start, length),
            offsets=self.offsets.slice(start, length),
            raws=None if self.raws is None else self.raws[start : start + length],
            size=self.size * length // max(1, len(self)),
            cells=None if self.cells is None else self.cells.slice(start, length),
            malformed={
                index - start: fault
                for index, fault in self.malformed.items()
                if start <= index < start + length
            },
        )


def run_of(
    raws: list[bytes],
    *,
    lines: Iterable[int],
    offsets: Iterable[int],
    malformed: dict[int, Malformed] | None = None,
    cells: pl.DataFrame | None = None,
) -> Run:
    """Return a run of rows that each have a line and an offset of their own."""
    return Run(
        lines=pl.Series("line", lines, dtype=pl.Int64),
        offsets=pl.Series("byte_offset", offsets, dtype=pl.Int64),
        raws=raws,
        size=sum(map(len, raws)),
        cells=cells,
        malformed=malformed or {},
    )


def run_of_lines(raws: list[bytes], *, line: int, offset: int, separator: int) -> Run:
    """Return a run of physical lines without gaps, the first one at ``line`` and ``offset``.

    separator: bytes of the line end between two of them.
    """
    ends = list(accumulate(map(len, raws)))
    starts = pl.Series("byte_offset", [0, *ends[:-1]], dtype=pl.Int64)
    counts = pl.int_range(0, len(raws), dtype=pl.Int64, eager=True)
    return Run(
        lines=(counts + line).alias("line"),
        offsets=starts + counts * separator + offset,
        raws=raws,
        size=ends[-1] if ends else 0,
    )


def malformed_run(kept: bytes, message: str, *, line: int, offset: int, length: int, sha256: bytes) -> Run:
    """Return a run of one row that cannot be read; ``kept`` is the beginning of it."""
    fault = Malformed(message=message, raw_length=length, raw_sha256=sha256)
    return run_of([kept[:RAW_KEPT_BYTES]], lines=[line], offsets=[offset], malformed={0: fault})


def malformed_row(raw: bytes, message: str) -> Malformed:
    """Return the fault of a row whose bytes are all in memory."""
    return Malformed(message=message, raw_length=len(raw), raw_sha256=hashlib.sha256(raw).digest())


RUN_ROWS = 4096
"""Rows that are found one by one form runs of this size: a run costs as much as a hundred rows (measured)."""


class RowList:
    """A list that collects rows into runs of ``limit`` rows or more."""

    def __init__(self, limit: int = RUN_ROWS) -> None:
        self._limit = limit
        self.raws: list[bytes] = []
        self.lines: list[int] = []
        self.offsets: list[int] = []
        self.malformed: dict[int, Malformed] = {}

    def __len__(self) -> int:
        return len(self.raws)

    def add(self, raw: bytes, *, line: int, offset: int, message: str | None = None) -> None:
        """Append one row; ``message`` says why it cannot be read, if it cannot."""
        if message is None and not is_sound(raw):
            message = json_fault(raw)
        if message is not None:
            self.malformed[len(self)] = malformed_row(raw, message)
            raw = raw[:RAW_KEPT_BYTES]
        self.raws.append(raw)
        self.lines.append(line)
        self.offsets.append(offset)

    def extend(self, raws: list[bytes], *, lines: Iterable[int], offsets: Iterable[int]) -> None:
        """Append rows that are known to be sound."""
        self.raws += raws
        self.lines += lines
        self.offsets += offsets

    def join(self, rows: "RowList") -> None:
        """Append the rows of another list."""
        self.malformed |= {len(self) + index: fault for index, fault in rows.malformed.items()}
        self.extend(rows.raws, lines=rows.lines, offsets=rows.offsets)

    def flush_if_full(self) -> Iterator[Run]:
        """Yield the rows collected so far as a run, if they are enough for one."""
        if len(self) >= self._limit:
            yield from self.flush()

    def flush(self) -> Iterator[Run]:
        """Yield the rows collected so far as a run, if there are any, and begin the next one."""
        if len(self):
            run = run_of(self.raws, lines=self.lines, offsets=self.offsets, malformed=self.malformed)
            self.raws, self.lines, self.offsets, self.malformed = [], [], [], {}
            yield run
