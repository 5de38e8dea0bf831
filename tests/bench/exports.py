"""Realistic exports of any size, the same for the same order, with the exact truth of what they hold.

Each batch of rows is a function of the order's seed and its own number, so memory does not grow with the export. Random
bits come from Python's own generator: the same on every machine and with every version of polars.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import polars as pl
import pyarrow as pa

from tests.bench.export_files import Spread, cleaned_rows, export_paths
from tests.bench.meters import (
    MODELS,
    REGIONS,
    STATUSES,
    BenchMeter,
    MeterTotal,
    facts_of,
    merged_facts,
    total_of,
)

BATCH_ROWS: Final = 250_000
DUPLICATES: Final = 0.01
CORRECTIONS: Final = 0.005
BAD: Final = 0.001
FIRST_AT: Final = datetime(2025, 1, 1, tzinfo=UTC)
SPAN: Final = timedelta(days=365)
CLOCK: Final = "2026-02-01T00:00:00Z"
EVENT_NAMES: Final = ("api_request",) * 8 + ("llm_tokens",) * 5 + ("storage_write",) * 2 + ("page_view",)
ZIPF_SLOTS: Final = 1 << 16
FACTS_MERGED: Final = 8
"""Facts of so many batches are kept apart before they are folded together."""


@dataclass(frozen=True)
class ExportOrder:
    """The order of an export; equal orders give equal bytes."""

    rows: int
    seed: int = 1
    customers: int = 2000
    is_shuffled: bool = False
    formats: tuple[str, ...] = ("jsonl",)
    files: int = 1
    has_cleaned: bool = False
    has_again: bool = False
    span: timedelta = SPAN
    first_at: datetime = FIRST_AT


@dataclass(frozen=True)
class Truth:
    """The true totals of an export: rows by outcome and by reason, and the facts of its lines.

    tokens: of the events that count; stored_tokens: of every key, as loaders keep them that reject nothing.
    """

    rows: int = 0
    new: int = 0
    duplicate: int = 0
    corrected: int = 0
    rejected: int = 0
    rejected_by_reason: dict[str, int] = field(default_factory=dict)
    tokens: int = 0
    stored_tokens: int = 0
    facts: pl.DataFrame = field(default_factory=pl.DataFrame)

    def totals(self, meters: Sequence[BenchMeter]) -> dict[str, MeterTotal]:
        """Return the total of all lines of each meter, by the meter's code."""
        return {meter.code: total_of(self.facts, meter) for meter in meters}


@dataclass(frozen=True)
class Export:
    """An export that lies on disk: its files by format, and its truth.

    cleaned: the events that count, for ``\\copy``; again: the same as JSON lines, so that importing them after the
    export meets nothing but duplicates.
    """

    order: ExportOrder
    paths: dict[str, tuple[Path, ...]]
    cleaned: Path | None
    again: Path | None
    truth: Truth

    def source(self, kind: str = "jsonl") -> Path:
        """The one file, or the folder of the many, of a format."""
        paths = self.paths[kind]
        return paths[0] if len(paths) == 1 else paths[0].parent

    def size(self, kind: str = "jsonl") -> int:
        """Bytes on disk of a format."""
        return sum(path.stat().st_size for path in self.paths[kind])


@dataclass(frozen=True)
class Batch:
    """The rows of an export in its order, and the events that count in the end, one row per key."""

    rows: pl.DataFrame
    counted: pl.DataFrame


def write_export(order: ExportOrder, folder: Path) -> Export:
    """Write an export in all formats of the order, and the truth about it."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {kind: tuple(export_paths(folder, kind, order.files)) for kind in order.formats}
    cleaned = folder / "cleaned.csv" if order.has_cleaned else None
    again = folder / "again.jsonl" if order.has_again else None
    truth, kept, first_row = Truth(), list[pl.DataFrame](), 1
    with ExitStack() as files_open:
        writers = {
            kind: files_open.enter_context(Spread(files, kind, order.rows)) for kind, files in paths.items()
        }
        out = files_open.enter_context(cleaned.open("wb")) if cleaned else None
        if again is not None:
            writers["again"] = files_open.enter_context(Spread([again], "jsonl", order.rows))
        for batch in batches(order):
            for kind, writer in writers.items():
                writer.write(batch.counted if kind == "again" else batch.rows)
            if out is not None:
                cleaned_rows(batch.counted, first_row=first_row).write_csv(out, include_header=False)
            first_row += batch.counted.height
            truth = _added(truth, batch)
            kept.append(facts_of(batch.counted))
            kept = [merged_facts(kept)] if len(kept) >= FACTS_MERGED else kept
    return Export(order, paths, cleaned, again, replace(truth, facts=merged_facts(kept)))


def batches(order: ExportOrder) -> Iterator[Batch]:
    """The export piece by piece."""
    for number, first in enumerate(range(0, order.rows, BATCH_ROWS)):
        yield _batch(order, number, min(BATCH_ROWS, order.rows - first), first)


def _batch(order: ExportOrder, number: int, rows: int, first: int) -> Batch:
    again, changed, bad = round(rows * DUPLICATES), round(rows * CORRECTIONS), round(rows * BAD)
    bits = random.Random(f"{order.seed}/{number}")
    base = rows - again - changed
    events = _events(order, bits, base, first, rows)
    kind = ["bad"] * bad + ["new"] * (base - bad)
    bits.shuffle(kind)
    events = _spoilt(events.with_columns(kind=pl.Series(kind), place=pl.int_range(base).cast(pl.Float64)))
    sound = events.filter(kind="new")
    chosen = pl.Series(bits.sample(range(sound.height), again + changed), dtype=pl.Int64)
    repeated = sound[chosen].with_columns(
        place=pl.col("place")
        + (base - pl.col("place")) * pl.Series([bits.random() for _ in range(again + changed)]),
        kind=pl.Series(["duplicate"] * again + ["corrected"] * changed),
    )
    repeated = repeated.with_columns(
        tokens=pl.when(kind="corrected").then(pl.col("tokens") + 7).otherwise("tokens")
    )
    corrected = repeated.filter(kind="corrected")
    return Batch(
        rows=pl.concat([events, repeated]).sort("place", maintain_order=True),
        counted=pl.concat([sound.join(corrected, on="key", how="anti"), corrected]).sort("at"),
    )


def _events(order: ExportOrder, bits: random.Random, rows: int, first: int, batch_rows: int) -> pl.DataFrame:
    """Events in the order of time, or with times all over the span."""
    span = order.span // timedelta(microseconds=1)
    start, width = (
        (0, span) if order.is_shuffled else (span * first // order.rows, span * batch_rows // order.rows)
    )
    drawn = pl.DataFrame({name: _random_column(bits, rows) for name in ("instant", "kind", "measure")})
    micros = pl.col("instant") % max(width, 1)
    return drawn.select(
        at=order.first_at
        + pl.duration(microseconds=start + (micros if order.is_shuffled else micros.sort()).cast(pl.Int64)),
        customer=_picked(_zipf_slots(order.customers), pl.col("kind")),
        event_name=_picked(EVENT_NAMES, pl.col("kind") // (1 << 16)),
        model=_picked(MODELS, pl.col("kind") // (1 << 20)),
        region=_picked(REGIONS, pl.col("kind") // (1 << 24)),
        status=_picked(STATUSES, pl.col("kind") // (1 << 32)),
        tokens=(pl.col("measure") % 20_000).cast(pl.Int64),
        latency=(pl.col("measure") // (1 << 32) % 90_000).cast(pl.Int64),
        key=_uuids(bits, rows),
    ).with_columns(pl.col("at").dt.cast_time_unit("us"))


def _picked(choices: Sequence[str | int], drawn: pl.Expr) -> pl.Expr:
    """One of the choices, each as likely as it stands often among them."""
    return pl.lit(pl.Series(choices)).gather((drawn % len(choices)).cast(pl.UInt32))


def _zipf_slots(customers: int) -> list[int]:
    """Customers' numbers, the n-th as often as 1/n: the first has an eighth of all events."""
    weights = [1 / (n + 1) for n in range(customers)]
    scale = ZIPF_SLOTS / sum(weights)
    return [n for n, weight in enumerate(weights) for _ in range(max(1, round(weight * scale)))]


def _random_column(bits: random.Random, rows: int) -> pl.Series:
    array = pa.Array.from_buffers(pa.uint64(), rows, [None, pa.py_buffer(bits.randbytes(rows * 8))])
    return pl.Series(pl.from_arrow(array))


def _uuids(bits: random.Random, rows: int) -> pl.Series:
    """Random UUIDs of version 4 as texts."""
    array = pa.Array.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(bits.randbytes(rows * 16))])
    digits = pl.col("digits")
    return (
        pl.DataFrame({"digits": pl.Series(pl.from_arrow(array), dtype=pl.Binary).bin.encode("hex")})
        .select(
            pl.format(
                "{}-{}-4{}-a{}-{}",
                digits.str.slice(0, 8),
                digits.str.slice(8, 4),
                digits.str.slice(13, 3),
                digits.str.slice(17, 3),
                digits.str.slice(20, 12),
            )
        )
        .to_series()
    )


def _spoilt(events: pl.DataFrame) -> pl.DataFrame:
    """The same events, the bad ones spoilt in turn: a stranger's, without a name, from the far future."""
    turn = pl.when(kind="bad").then(pl.col("place").cast(pl.Int64) % 3)
    return events.with_columns(
        external_id=pl.when(turn == 0).then(pl.lit("stranger")).otherwise(_external_ids()),
        event_name=pl.when(turn == 1).then(pl.lit("")).otherwise("event_name"),
        at=pl.when(turn == 2).then(pl.col("at").dt.offset_by("100y")).otherwise("at"),
        reason=turn.replace_strict(
            {0: "customer_not_found", 1: "missing_event_name", 2: "timestamp_in_future"},
            return_dtype=pl.String,
        ),
    )


def _external_ids() -> pl.Expr:
    return pl.format("cust-{}", pl.col("customer").cast(pl.String).str.zfill(6))


def _added(truth: Truth, batch: Batch) -> Truth:
    counted = int(batch.counted["tokens"].sum())
    kinds = dict(batch.rows.group_by("kind").len().iter_rows())
    reasons = dict(batch.rows.drop_nulls("reason").group_by("reason").len().iter_rows())
    return replace(
        truth,
        rows=truth.rows + batch.rows.height,
        new=truth.new + kinds.get("new", 0),
        duplicate=truth.duplicate + kinds.get("duplicate", 0),
        corrected=truth.corrected + kinds.get("corrected", 0),
        rejected=truth.rejected + kinds.get("bad", 0),
        rejected_by_reason={
            reason: truth.rejected_by_reason.get(reason, 0) + reasons.get(reason, 0)
            for reason in sorted({*truth.rejected_by_reason, *reasons})
        },
        tokens=truth.tokens + counted,
        stored_tokens=truth.stored_tokens + counted + int(batch.rows.filter(kind="bad")["tokens"].sum()),
    )
