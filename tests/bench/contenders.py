"""The contenders: what each prepares, the one command that is timed, and what it must have done for its time to count."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import polars as pl

from flows.database.embedded.installation import URL_VARIABLE
from flows.database.embedded.programs import bin_dir
from tests.bench.export_files import CLEANED_COLUMNS
from tests.bench.exports import CLOCK, Export, Truth
from tests.bench.meters import BenchMeter, MeterTotal, merged_facts
from tests.bench.servers import Server
from tests.bench.timing import Command, Timed

OUTCOMES: Final = ("rows", "new", "duplicate", "corrected", "stale", "rejected")
COPIED: Final = "copied"
LOADED: Final = "bench_usage.usage"


@dataclass(frozen=True)
class Contender:
    """One way to do the work: its command is timed, preparing and checking are not.

    rows: rows of the export, for the speed. check: what is wrong with what it did, or None.
    """

    name: str
    rows: int
    prepare: Callable[[Server, str], None]
    command: Callable[[Server, str], Command]
    check: Callable[[Server, str, Timed], str | None]


@dataclass(frozen=True)
class Expected:
    """The counts that an import must print, and the totals of all lines afterwards."""

    outcomes: Mapping[str, int]
    reasons: Mapping[str, int]
    totals: Mapping[str, MeterTotal]


def expected_of(
    truth: Truth, meters: tuple[BenchMeter, ...], *, base: Truth | None = None, is_again: bool = False
) -> Expected:
    """Return what an import of an export must print, into an empty database or one that contains `base`.

    is_again: the export has every event of `base` once more.
    """
    if is_again and base is not None:
        events = base.new
        outcomes = dict.fromkeys(OUTCOMES, 0) | {"rows": events, "duplicate": events}
        return Expected(outcomes, {}, base.totals(meters))
    outcomes = {name: getattr(truth, name, 0) for name in OUTCOMES}
    whole = truth if base is None else Truth(facts=merged_facts([base.facts, truth.facts]))
    return Expected(outcomes, truth.rejected_by_reason, whole.totals(meters))


# --- Ours --------------------------------------------------------------------------------------------------------


def ours(*words: str) -> tuple[str, ...]:
    """One of our commands, as `usage-import` runs it."""
    return (sys.executable, "-m", "flows", *words)


def ours_on(server: Server, database: str, *words: str) -> str:
    """The output of one of our commands, untimed."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    done = subprocess.run(
        ours(*words),
        env=environ | {URL_VARIABLE: server.url(database)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"usage-import {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def our_import(
    name: str, source: Path, expected: Expected, *, template: str, environ: Mapping[str, str] | None = None
) -> Contender:
    """Our whole import: read, parse, validate, dedupe, load, roll up, publish."""

    def command(server: Server, database: str) -> Command:
        environment = {URL_VARIABLE: server.url(database)} | dict(environ or {})
        return Command(ours("run", str(source), "--clock", CLOCK, "--json"), environment)

    def check(server: Server, database: str, run: Timed) -> str | None:
        return ledger_complaint(run.output, expected) or lines_complaint(server, database, expected.totals)

    return Contender(
        name, expected.outcomes["rows"], lambda server, made: server.copy_database(template, made), command, check
    )  # fmt: skip


def ledger_complaint(output: str, expected: Expected) -> str | None:
    """Return how a ledger differs from the totals of the generator, or None."""
    ledger = json.loads(output)
    found_values = {name: ledger[name] for name in OUTCOMES}
    if found_values != dict(expected.outcomes):
        return f"says {found_values}, not {dict(expected.outcomes)}"
    if ledger["rejected_by_reason"] != dict(expected.reasons):
        return f"says {ledger['rejected_by_reason']}, not {dict(expected.reasons)}"
    return None


def lines_complaint(server: Server, database: str, totals: Mapping[str, MeterTotal]) -> str | None:
    """Return how the totals of the usage lines differ from those of the generator, or None."""
    lines = pl.read_csv(
        BytesIO(ours_on(server, database, "usage", "--format", "csv").encode()), infer_schema=False
    )
    counted = lines.filter(pl.col("event_count").cast(pl.Int64) > 0)
    found = counted.group_by("meter_code").agg(
        pl.len(), pl.col("event_count").cast(pl.Int64).sum(), pl.col("quantity").cast(pl.Decimal(38, 2)).sum()
    )
    found_values = {code: MeterTotal(*numbers) for code, *numbers in found.iter_rows()}
    wrong = [code for code in totals if found_values.get(code) != totals[code]]
    return f"{wrong[0]}: {found_values.get(wrong[0])}, not {totals[wrong[0]]}" if wrong else None


# --- psql --------------------------------------------------------------------------------------------------------


def make_copied(server: Server, database: str, *, is_keyed: bool, existing: Path | None = None) -> None:
    """A table with the columns of ``events`` and its unique key, or none, that contains the rows of `existing`."""
    server.rows(database, f"create table {COPIED} (like events)")
    if existing is not None:
        subprocess.run(copying(server, database, existing).words, check=True, capture_output=True)
    if is_keyed:
        server.rows(database, f"create unique index on {COPIED} (key)")
    server.rows(database, f"create table before as {ROWS_AND_TOKENS.format(table=COPIED)}")
    server.rows(database, f"analyze {COPIED}")


def plain_copy(
    name: str, export: Export, *, template: str, is_keyed: bool = True, is_made: bool = False
) -> Contender:
    """``psql \\copy`` of the cleaned rows into a table with the columns of ``events``; is_made: the template has it."""

    def prepare(server: Server, database: str) -> None:
        server.copy_database(template, database)
        if not is_made:
            make_copied(server, database, is_keyed=is_keyed)

    def check(server: Server, database: str, run: Timed) -> str | None:
        del run
        query = f"select t.rows - b.rows, t.tokens - b.tokens from ({ROWS_AND_TOKENS.format(table=COPIED)}) t, before b"
        return total_complaint(server.rows(database, query), export.truth.new, export.truth.tokens)

    def command(server: Server, database: str) -> Command:
        return copying(server, database, export.cleaned or Path())

    return Contender(name, export.truth.rows, prepare, command, check)


ROWS_AND_TOKENS: Final = (
    "select count(*) as rows, coalesce(sum((properties->>'tokens')::numeric), 0) as tokens from {table}"
)


def copying(server: Server, database: str, cleaned: Path) -> Command:
    """``psql`` with nothing but a ``\\copy``."""
    columns = ", ".join(CLEANED_COLUMNS)
    copy = f"\\copy {COPIED} ({columns}) from '{cleaned}' with (format csv)"
    return Command(
        (str(bin_dir() / "psql"), "--no-psqlrc", "--quiet", "--command", copy, server.url(database))
    )


def total_complaint(found: list[tuple[int, int]], rows: int, tokens: int) -> str | None:
    """Return how a table differs from the rows and tokens that it should contain, or None."""
    found_values = tuple(map(int, found[0]))
    return (
        None
        if found_values == (rows, tokens)
        else f"holds {found_values[0]} rows with {found_values[1]} tokens, not {rows} with {tokens}"
    )


# --- Loaders -----------------------------------------------------------------------------------------------------


def dlt_loader(name: str, export: Export, *, python: Path, mode: str, scratch: Path) -> Contender:
    """dlt, which validates nothing and rejects nothing: every key is kept, the last row of each counts."""

    def command(server: Server, database: str) -> Command:
        script = Path(__file__).with_name("dlt_loading.py")
        words = (
            str(python),
            str(script),
            mode,
            str(export.source()),
            server.url(database),
            str(scratch / database),
        )
        return Command(words, {"RUNTIME__DLTHUB_TELEMETRY": "false"})

    return Contender(
        name, export.truth.rows, _empty_database, command, _stored(export, is_flat=mode == "dicts")
    )


def sling_loader(name: str, export: Export, *, binary: Path) -> Contender:
    """Sling, loading incrementally by its key; it too rejects nothing."""

    def command(server: Server, database: str) -> Command:
        words = (
            str(binary), "run", "--src-stream", f"file://{export.source()}", "--tgt-conn", "BENCH",
            "--tgt-object", LOADED, "--mode", "incremental", "--primary-key", "idempotencyKey",
            "--src-options", '{"flatten": true}',
        )  # fmt: skip
        address = f"{server.url(database)}?sslmode=disable"
        return Command(words, {"BENCH": address, "SLING_DISABLE_TELEMETRY": "true"})

    def prepare(server: Server, database: str) -> None:
        _empty_database(server, database)
        server.rows(database, "create schema bench_usage")

    return Contender(name, export.truth.rows, prepare, command, _stored(export, is_flat=True))


def _empty_database(server: Server, database: str) -> None:
    server.copy_database("template0", database)


def _stored(export: Export, *, is_flat: bool) -> Callable[[Server, str, Timed], str | None]:
    tokens = "properties__tokens" if is_flat else "(properties::json->>'tokens')::numeric"

    def check(server: Server, database: str, run: Timed) -> str | None:
        del run
        truth = export.truth
        found = server.rows(database, f"select count(*), sum({tokens}) from {LOADED}")
        return total_complaint(found, truth.new + truth.rejected, truth.stored_tokens)

    return check
