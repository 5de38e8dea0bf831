"""Runs: consecutive rows of one file as a reader finds them, before they are cut into chunks."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate

import polars as pl

from flows.sources.reading.soundness import is_sound, unsoundness
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Malformed

OVERSIZED = f"row is longer than {ROW_LIMIT_BYTES // 1024**2} MiB"


@dataclass(frozen=True)
class Run:
    """Consecutive rows of one file.

    lines, offsets: Int64, one value per row; raws: as in ``Chunk``; cells: one row per row or None;
    malformed: index within the run → why; size: bytes of memory the rows roughly take.
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
        """The run without its first ``skipped`` rows."""
        return self.slice(skipped, len(self) - skipped)

    def slice(self, start: int, length: int) -> "Run":
        """``length`` rows from index ``start``."""
        if start == 0 and length == len(self):
            return self
        return Run(
            lines=self.lines.slice(start, length),
            offsets=self.offsets.slice(start, length),
            raws=None if self.raws is None else self.raws[start : start + length],
            size=self.size * length // max(1, len(self)),
            cells=None if self.cells is None else self.cells.slice(start, length),
            malformed={
                index - start: why for index, why in self.malformed.items() if start <= index < start + length
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
    """A run of rows whose lines and offsets were counted one by one."""
    return Run(
        lines=pl.Series("line", lines, dtype=pl.Int64),
        offsets=pl.Series("byte_offset", offsets, dtype=pl.Int64),
        raws=raws,
        size=sum(map(len, raws)),
        cells=cells,
        malformed=malformed or {},
    )


def run_of_lines(raws: list[bytes], *, line: int, offset: int, separator: int) -> Run:
    """A run of physical lines without gaps, the first one at ``line`` and ``offset``."""
    ends = list(accumulate(map(len, raws)))
    starts = pl.Series("byte_offset", [0, *ends[:-1]], dtype=pl.Int64)
    counts = pl.int_range(0, len(raws), dtype=pl.Int64, eager=True)
    return Run(
        lines=(counts + line).alias("line"),
        offsets=starts + counts * separator + offset,
        raws=raws,
        size=ends[-1] if ends else 0,
    )


def one_malformed(kept: bytes, message: str, *, line: int, offset: int, length: int, sha256: bytes) -> Run:
    """A run of one row that cannot be read; ``kept`` is the beginning of it."""
    why = Malformed(message=message, raw_length=length, raw_sha256=sha256)
    return run_of([kept[:RAW_KEPT_BYTES]], lines=[line], offsets=[offset], malformed={0: why})


def malformed(raw: bytes, message: str) -> Malformed:
    """Why a row that is held whole cannot be read."""
    return Malformed(message=message, raw_length=len(raw), raw_sha256=hashlib.sha256(raw).digest())


RUN_ROWS = 4096
"""Rows that are found one by one become a run by so many: a run costs as much as a hundred rows (measured)."""


class RowList:
    """Rows on their way to becoming runs of ``limit`` rows or more."""

    def __init__(self, limit: int = RUN_ROWS) -> None:
        self._limit = limit
        self.raws: list[bytes] = []
        self.lines: list[int] = []
        self.offsets: list[int] = []
        self.malformed: dict[int, Malformed] = {}

    def __len__(self) -> int:
        return len(self.raws)

    def add(self, raw: bytes, *, line: int, offset: int, message: str | None = None) -> None:
        """Takes one row; ``message`` says why it cannot be read."""
        if message is None and not is_sound(raw):
            message = unsoundness(raw)
        if message is not None:
            self.malformed[len(self)] = malformed(raw, message)
            raw = raw[:RAW_KEPT_BYTES]
        self.raws.append(raw)
        self.lines.append(line)
        self.offsets.append(offset)

    def extend(self, raws: list[bytes], *, lines: Iterable[int], offsets: Iterable[int]) -> None:
        """Takes rows that are known to be sound."""
        self.raws += raws
        self.lines += lines
        self.offsets += offsets

    def join(self, rows: "RowList") -> None:
        """Takes the rows of another list."""
        self.malformed |= {len(self) + index: why for index, why in rows.malformed.items()}
        self.extend(rows.raws, lines=rows.lines, offsets=rows.offsets)

    def full(self) -> Iterator[Run]:
        """The rows so far as a run, if they are enough for one."""
        if len(self) >= self._limit:
            yield from self.rest()

    def rest(self) -> Iterator[Run]:
        """The rows so far as a run, if there are any; the list begins anew."""
        if len(self):
            yield self._run()

    def _run(self) -> Run:
        run = run_of(self.raws, lines=self.lines, offsets=self.offsets, malformed=self.malformed)
        self.raws, self.lines, self.offsets, self.malformed = [], [], [], {}
        return run
