"""Decide from the counts of a file's chunks what a person should know about the way it was read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from transforms.values.text import quoted

FEW_ROWS: Final = Decimal("0.05")
"""The share of a file's rows below which a member that the mapping reads is worth a warning."""


@dataclass(frozen=True)
class FileReading:
    """The way a file was read.

    mapped_members: for JSON, how many rows have each member that the mapping reads. first_at, last_at: its first and last
    timestamp. swapped: the same with day and month exchanged, None unless every timestamp reads that way too.
    ends_open: whether it is CSV whose last row has no line end.
    """

    rows: int
    mapped_members: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None
    swapped: tuple[datetime, datetime] | None
    ends_open: bool

    def missing_member(self) -> str | None:
        """Return a member that the mapping reads and no row has, or None."""
        return (
            next((name for name, rows in self.mapped_members.items() if not rows), None)
            if self.rows
            else None
        )

    def warnings(self, clock: datetime) -> list[str]:
        """Return a sentence for each thing that looks wrong, judged at the clock of the import."""
        found = [
            f"{quoted(name)}, which the mapping reads, is in {rows:,} of {self.rows:,} rows"
            for name, rows in self.mapped_members.items()
            if 0 < rows < FEW_ROWS * self.rows
        ]
        if self.swapped is not None and self.last_at is not None:
            first, last = self.swapped
            if abs(clock - last) < abs(clock - self.last_at):
                found.append(
                    f"every date reads with day and month exchanged too, and then lies nearer to the clock "
                    f"({first:%Y-%m-%d} to {last:%Y-%m-%d}); check the timestamp's format in the mapping"
                )
        if self.ends_open:
            found.append("the last row has no line end; if the file was cut off, get the whole file again")
        return found


def reading_of(rows: int, chunks: Sequence[Mapping[str, Any]]) -> FileReading:
    """Return the reading of a file from the counts of its chunks."""
    names = dict.fromkeys(name for chunk in chunks for name in chunk["mapped_members"])
    spans = [_span(chunk["times"]) for chunk in chunks]
    swapped = [_span(chunk["swapped_times"]) for chunk in chunks if chunk["times"]]
    return FileReading(
        rows=rows - sum(chunk["rejected_by_reason"].get("malformed_row", 0) for chunk in chunks),
        mapped_members={
            name: sum(chunk["mapped_members"].get(name, 0) for chunk in chunks) for name in names
        },
        first_at=min((span[0] for span in spans if span), default=None),
        last_at=max((span[1] for span in spans if span), default=None),
        swapped=_joined(swapped),
        ends_open=any(chunk["ends_open"] for chunk in chunks),
    )


def _span(times: Sequence[str] | None) -> tuple[datetime, datetime] | None:
    return (datetime.fromisoformat(times[0]), datetime.fromisoformat(times[1])) if times else None


def _joined(spans: Sequence[tuple[datetime, datetime] | None]) -> tuple[datetime, datetime] | None:
    """Return the span of all spans; None if one is None or there are none."""
    known = [span for span in spans if span is not None]
    if not known or len(known) < len(spans):
        return None
    return min(span[0] for span in known), max(span[1] for span in known)
