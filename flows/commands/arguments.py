"""Define the options that several commands share, and parse their values."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.errors import ConfigurationError


def parse_clock(value: str | None, *, is_future: bool) -> datetime | None:
    """Return the instant of --clock, in UTC, or None if it is not given.

    is_future: whether it may be far ahead of the machine's clock. Raises ConfigurationError if it is without that, and
    for any other text than an instant with a time zone.
    """
    if value is None:
        return None
    from flows.imports.clock import refuse_far_clock

    clock = _instant(value)
    refuse_far_clock(clock, is_future=is_future)
    return clock


def _instant(value: str) -> datetime:
    try:
        read = datetime.fromisoformat(value)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(f"--clock {value!r} is no instant; write it like 2026-11-01T00:00:00Z")


def parse_share(value: str, *, option: str) -> Decimal:
    """Return a share such as 5% or 0.05; raises ConfigurationError, with the option's name, for any other text."""
    try:
        share = Decimal(value[:-1]) / 100 if value.endswith("%") else Decimal(value)
    except InvalidOperation:
        share = Decimal(-1)
    if not (share.is_finite() and 0 <= share <= 1):
        raise ConfigurationError(f"{option} {value!r} is no share; write it like 5% or 0.05")
    return share


Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]

Wide = Annotated[
    bool, typer.Option("--wide", help="Print every column in full, however narrow the terminal.")
]

Spreadsheet = Annotated[
    bool,
    typer.Option("--spreadsheet", help="Write CSV that is safe to open: no cell is computed as a formula."),
]

All = Annotated[bool, typer.Option("--all", help="Print every line of the table, not only the first 300.")]

Clock = Annotated[
    str | None, typer.Option("--clock", metavar="TS", help="The instant to use instead of now.")
]

Future = Annotated[
    bool,
    typer.Option("--future", help="Take a --clock that is ahead of this machine's, for tests and replays."),
]

Wait = Annotated[bool, typer.Option("--wait", help="Wait for a running import instead of failing.")]

AllowWithdrawn = Annotated[
    bool,
    typer.Option("--allow-withdrawn", help="Withdraw due lines if the change asks for it; needs a --reason."),
]

Reason = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="The reason to keep in the history.")
]

Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="Files, folders, globs, s3:// gs:// az:// URLs, or - for standard input."
    ),
]

MappingFile = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="A TOML file that maps columns to fields.")
]

MaxRejected = Annotated[
    str | None,
    typer.Option(
        "--max-rejected", metavar="SHARE", help="Fail above this share of rejected rows, 5% by default."
    ),
]


MaxUnassigned = Annotated[
    str | None,
    typer.Option(
        "--max-unassigned",
        metavar="SHARE",
        help="Warn above this share of events on no usage line, 5% by default.",
    ),
]


@contextmanager
def database(*, is_made: bool = True) -> Iterator[Any]:
    """Open the database of this installation; is_made: whether one is made if there is none."""
    from flows.database.connection import open_database

    with open_database(is_made=is_made) as engine:
        yield engine


@contextmanager
def reading() -> Iterator[Any]:
    """Open a connection that reads the database of this installation as it is at one moment."""
    from flows.database.connection import one_state

    with database(is_made=False) as engine, one_state(engine) as connection:
        yield connection


def refuse_other_format(chosen: str, *, is_spreadsheet: bool) -> None:
    """Raise ConfigurationError if --spreadsheet is given with another format than CSV."""
    if is_spreadsheet and chosen != "csv":
        raise ConfigurationError(f"--spreadsheet is for CSV, not for {chosen}; add --format csv")


def parse_month(value: str | None) -> str | None:
    """Return a month such as 2026-10; raises ConfigurationError for any other text."""
    if value is None:
        return None
    try:
        month = datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigurationError(f"--period {value!r} is no month; write it like 2026-10") from None
    return f"{month.year:04}-{month.month:02}"
