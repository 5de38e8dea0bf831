"""The command line: each command reads its arguments, calls one function of a flow's and prints what came of it."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from schemas.errors import ConfigurationError, UsageImportError
from schemas.ledger import ImportStatus


class Commands(TyperGroup):
    """The commands; an interruption passes through them to `main`, where Typer alone would end without a word."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            kept = "what was committed is kept, the same command goes on from there"
            said = kept if ctx.invoked_subcommand == "run" else "nothing was changed"
            raise UsageImportError(f"interrupted; {said}") from None


app = typer.Typer(
    name="usage-import",
    cls=Commands,
    help="Turns exports of usage events into invoice-ready usage per billing period.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
imports_app = typer.Typer(help="The history of imports.", invoke_without_command=True)
app.add_typer(imports_app, name="imports")


class LineFormat(StrEnum):
    """How usage lines are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


class RejectFormat(StrEnum):
    """How rejections are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def parse_instant(value: str) -> datetime:
    """An instant of the command line; raises ConfigurationError where it is none."""
    try:
        read = datetime.fromisoformat(value)
        if read.tzinfo is not None:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ConfigurationError(f"--clock {value!r} is no instant; write it like 2026-11-01T00:00:00Z")


def parse_share(value: str) -> Decimal:
    """A share such as 5% or 0.05; raises ConfigurationError where it is none."""
    try:
        share = Decimal(value[:-1]) / 100 if value.endswith("%") else Decimal(value)
    except InvalidOperation:
        share = Decimal(-1)
    if not (share.is_finite() and 0 <= share <= 1):
        raise ConfigurationError(f"--max-rejected {value!r} is no share; write it like 5% or 0.05")
    return share


Json = Annotated[bool, typer.Option("--json", help="One JSON document for machines.")]
Clock = Annotated[
    str | None, typer.Option("--clock", metavar="TS", help="The clock to go by instead of now.")
]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for an import at work instead of giving up.")]
Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Kept in the history.")]
Sources = Annotated[
    list[str],
    typer.Argument(
        metavar="SOURCE", help="Files, folders, globs, s3:// gs:// az:// URLs, or - for standard input."
    ),
]
MappingFile = Annotated[
    Path | None, typer.Option("--mapping", metavar="FILE", help="How the source's columns become fields.")
]
MaxRejected = Annotated[
    str | None,
    typer.Option(
        "--max-rejected", metavar="SHARE", help="Fail above this share of rejected rows, 5% by default."
    ),
]


@contextmanager
def database() -> Iterator[Any]:
    """The database of this installation."""
    from flows.database import open_database

    with open_database() as engine:
        yield engine


@contextmanager
def reading() -> Iterator[Any]:
    """A connection that reads the database of this installation as it is at one moment."""
    from flows.database import one_state

    with database() as engine, one_state(engine) as connection:
        yield connection


@app.command("catalog")
def catalog_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with customers.*, meters.*, plans.*, contracts.*.")
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove what the folder lacks and nothing names.")
    ] = False,
    clock: Clock = None,
    reason: Reason = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Load customers, meters, plans and contracts: all or nothing; show what changed."""
    from flows.reports import report_catalog

    with database() as engine:
        applied = load_catalog(engine, folder, prune=prune, clock=clock, reason=reason, wait=wait)
    report_catalog(applied, as_json=as_json)


def load_catalog(
    engine: Any, folder: Path, *, prune: bool, clock: str | None, reason: str | None, wait: bool
) -> Any:
    """Apply a catalog folder in one transaction, beside no import: all its rows are judged by one catalog."""
    from flows.catalog import apply_catalog
    from flows.database import import_lock

    read_at = parse_instant(clock) if clock is not None else datetime.now(UTC)
    with import_lock(engine, wait=wait), engine.begin() as connection:
        return apply_catalog(connection, folder, clock=read_at, prune=prune, reason=reason)


@app.command()
def check(sources: Sources, mapping: MappingFile = None, clock: Clock = None, as_json: Json = False) -> None:
    """Show outcomes and rejections as an import would have them; writes nothing."""
    from flows.checking import check_sources
    from flows.importing import ImportRequest
    from flows.progress import import_progress
    from flows.reports import report_check
    from flows.running import pace

    request = ImportRequest(
        sources=tuple(sources),
        mapping_file=str(mapping) if mapping else None,
        clock=parse_instant(clock) if clock is not None else None,
    )
    with database() as engine, import_progress() as display:
        checked = check_sources(engine, request, pace=pace(), display=display)
    report_check(checked.ledger, checked.rejections, as_json=as_json)


@app.command()
def run(
    sources: Sources,
    catalog: Annotated[
        Path | None, typer.Option("--catalog", metavar="DIR", help="Load this catalog first.")
    ] = None,
    mapping: MappingFile = None,
    max_rejected: MaxRejected = None,
    reason: Reason = None,
    clock: Clock = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Import: load, settle, roll up, publish."""
    from flows.importing import ImportRequest
    from flows.orchestration import import_sources
    from flows.progress import import_progress
    from flows.reports import report_run, say_lines_follow
    from flows.running import pace
    from flows.terminal import say

    request = ImportRequest(
        sources=tuple(sources),
        mapping_file=str(mapping) if mapping else None,
        clock=parse_instant(clock) if clock is not None else None,
        max_rejected=None if max_rejected is None else parse_share(max_rejected),
        reason=reason,
    )
    with database() as engine:
        applied = None
        if catalog is not None:
            applied = load_catalog(engine, catalog, prune=False, clock=clock, reason=reason, wait=wait)
        with import_progress() as display:
            ledger = import_sources(engine, request, wait=wait, pace=pace(), display=display, say=say)
    if applied is not None and applied.is_ahead and ledger.status != ImportStatus.PUBLISHED:
        say_lines_follow()
    report_run(ledger, as_json=as_json)


@app.command()
def rollup(clock: Clock = None, reason: Reason = None, wait: Wait = False, as_json: Json = False) -> None:
    """Recompute lines after a catalog or setting has changed."""
    from flows.reports import report_rollup
    from flows.running import run_rollup

    with database() as engine:
        ledger = run_rollup(
            engine, clock=parse_instant(clock) if clock is not None else None, reason=reason, wait=wait
        )
    report_rollup(ledger, as_json=as_json)


@app.command()
def usage(
    period: Annotated[
        str | None, typer.Option("--period", metavar="YYYY-MM", help="Periods that start in this month.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Its id or external id.")
    ] = None,
    contract: Annotated[str | None, typer.Option("--contract", metavar="ID")] = None,
    meter: Annotated[str | None, typer.Option("--meter", metavar="CODE")] = None,
    line_format: Annotated[LineFormat, typer.Option("--format")] = LineFormat.TABLE,
    as_json: Json = False,
) -> None:
    """Print the invoice-ready usage lines."""
    from flows.reports import report_usage
    from flows.usage import UsageFilter, read_usage

    with reading() as connection:
        lines = read_usage(connection, UsageFilter(parse_month(period), customer, contract, meter))
        report_usage(lines, LineFormat.JSON if as_json else line_format)


def parse_month(value: str | None) -> str | None:
    """A month such as 2026-10; raises ConfigurationError where it is none."""
    if value is None:
        return None
    try:
        month = datetime.strptime(value, "%Y-%m").replace(tzinfo=UTC)
    except ValueError:
        raise ConfigurationError(f"--period {value!r} is no month; write it like 2026-10") from None
    return f"{month.year:04}-{month.month:02}"


@app.command()
def events(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Its id or external id.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="The event name.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="K", min=1, max=2**31 - 1, help="At most so many.")
    ] = 100,
    as_json: Json = False,
) -> None:
    """List loaded events: timestamp, name, customer, key, and where each came from."""
    from flows.history import list_events
    from flows.reports import report_events

    with reading() as connection:
        found = list_events(connection, customer=customer, name=name, limit=limit)
        report_events(found, limit=limit, as_json=as_json)


@app.command()
def unassigned(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Its id or external id.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", metavar="R")] = None,
    as_json: Json = False,
) -> None:
    """List events on no line, by customer, name and reason."""
    from flows.reports import report_unassigned
    from flows.unassigned import list_unassigned

    with reading() as connection:
        rows = list_unassigned(connection, customer=customer, reason=reason)
        report_unassigned(rows, is_all=customer is None and reason is None, as_json=as_json)


@imports_app.callback()
def imports_command(context: typer.Context, as_json: Json = False) -> None:
    """List imports and rollups, the latest first."""
    if context.invoked_subcommand is not None:
        return
    from flows.history import list_imports
    from flows.reports import report_imports

    with reading() as connection:
        report_imports(list_imports(connection), as_json=as_json)


@imports_app.command("show")
def imports_show(import_id: Annotated[int, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Show one import: its ledger and files."""
    from flows.history import show_import
    from flows.reports import report_import

    with reading() as connection:
        report_import(show_import(connection, import_id), as_json=as_json)


@app.command()
def rejects(
    import_id: Annotated[int, typer.Argument(metavar="ID")],
    reject_format: Annotated[RejectFormat, typer.Option("--format")] = RejectFormat.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="F", help="Write there instead of standard output.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the rows an import set aside, and why."""
    from flows.history import count_repeats, group_rejections, list_rejections
    from flows.reports import output_to, print_groups, report_rejections

    chosen = RejectFormat.JSON if as_json else reject_format
    with reading() as connection:
        if chosen is RejectFormat.TABLE:
            causes = group_rejections(connection, import_id)
            with output_to(output):
                print_groups(causes)
            return
        repeats = count_repeats(connection, import_id)
        rejections = list_rejections(connection, import_id)
        with output_to(output):
            report_rejections(rejections, chosen, repeats=repeats)


@app.command()
def revert(import_id: Annotated[int, typer.Argument(metavar="ID")], as_json: Json = False) -> None:
    """Give up an unfinished import: nothing of it counts."""
    from flows.reports import report_reverted
    from flows.running import give_up_import

    with database() as engine:
        give_up_import(engine, import_id)
    report_reverted(import_id, as_json=as_json)


@app.command()
def settings(
    name: Annotated[str | None, typer.Argument(metavar="NAME")] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE")] = None,
    as_json: Json = False,
) -> None:
    """Show what changes numbers, or change one of them."""
    from flows.reports import report_settings
    from flows.settings import change_setting, read_settings, setting_named
    from flows.terminal import say

    with database() as engine, engine.begin() as connection:
        if name is not None and value is not None:
            change_setting(connection, setting_named(name), value)
            say("it holds from the next import on; 'usage-import rollup' recomputes the lines now")
        kept = read_settings(connection)
        report_settings(
            kept if name is None else {setting_named(name): kept[setting_named(name)]}, as_json=as_json
        )


@app.command()
def up(
    port: Annotated[
        int | None, typer.Option("--port", help="Of the Prefect server; without it 4200, or a free one.")
    ] = None,
) -> None:
    """Bring up the local stack: Postgres, Prefect with its pages, the deployments; Ctrl-C ends all of it."""
    from flows.local_stack import hold_up
    from flows.terminal import say

    hold_up(os.environ, port=port, say=say)


def main() -> None:
    """Run the command line; whatever a user can cause ends in one line and an exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prepare_output()
        refuse_broken_text(sys.argv[1:])
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except UsageImportError as error:
        fail(error, code=2 if isinstance(error, ConfigurationError) else 1)
    except BrokenPipeError:
        forget_output()
        sys.exit(1)
    except OSError as error:
        forget_output()
        what = error.filename or "standard output"
        fail(f"{what}: {(error.strerror or str(error)).lower()}; make room, or choose another place", code=1)


def prepare_output() -> None:
    """Data is UTF-8 wherever it goes; a terminal of another encoding is shown escapes for what it cannot show.

    Raises ConfigurationError where there is no standard output.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8")
    if sys.stdout is None:
        raise ConfigurationError("standard output is closed; give it a place, such as /dev/null")


def refuse_broken_text(arguments: Sequence[str]) -> None:
    """Raise ConfigurationError for an argument that is no text: it could neither be kept nor looked up."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"{argument!a} is not UTF-8; a file of such a name has to be renamed, or its folder given"
            ) from None


def forget_output() -> None:
    """Let what could not be written go, so that the interpreter does not try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(error: UsageImportError | str, *, code: int) -> None:
    """Say why in one line, after all there is to mend where there are several things, and exit."""
    from flows.terminal import say

    for problem in getattr(error, "problems", ()):
        say(str(problem))
    say(f"usage-import: {error}")
    sys.exit(code)
