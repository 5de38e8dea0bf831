"""Define the commands about imports: run, check, imports, rejects, revert."""

from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import (
    All,
    AllowWithdrawn,
    Clock,
    Future,
    Json,
    MappingFile,
    MaxRejected,
    MaxUnassigned,
    Reason,
    Sources,
    Spreadsheet,
    Wait,
    Wide,
    database,
    parse_clock,
    parse_share,
    reading,
    refuse_other_format,
)
from flows.commands.examples import epilog

imports_app = typer.Typer(help="The history of imports.", invoke_without_command=True)


class RejectFormat(StrEnum):
    """The formats of rejections."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def check(
    sources: Sources,
    mapping: MappingFile = None,
    max_rejected: MaxRejected = None,
    max_unassigned: MaxUnassigned = None,
    clock: Clock = None,
    is_future: Future = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Show the outcomes and rejections that an import would have; writes nothing, and fails where it would."""
    from flows.imports.check import check_sources
    from flows.imports.request import ImportRequest, pace
    from flows.output.imports import report_check
    from flows.output.progress_bar import import_progress

    request = ImportRequest(
        sources=tuple(sources),
        mapping_file=str(mapping) if mapping else None,
        clock=parse_clock(clock, is_future=is_future),
        max_rejected=_share(max_rejected, option="--max-rejected"),
        max_unassigned=_share(max_unassigned, option="--max-unassigned"),
    )
    with database(is_made=False) as engine, import_progress() as display:
        checked = check_sources(engine, request, pace=pace(), display=display)
    report_check(checked.ledger, checked.rejections, as_json=as_json, is_wide=is_wide)


def run(
    sources: Sources,
    catalog: Annotated[
        Path | None,
        typer.Option(
            "--catalog", metavar="DIR", help="Load this catalog with the import: both count, or neither."
        ),
    ] = None,
    mapping: MappingFile = None,
    max_rejected: MaxRejected = None,
    set_aside: Annotated[
        bool,
        typer.Option("--set-aside", help="Leave out files above the limit, and those that cannot be read."),
    ] = False,
    max_unassigned: MaxUnassigned = None,
    allow_withdrawn: AllowWithdrawn = False,
    reason: Reason = None,
    clock: Clock = None,
    is_future: Future = False,
    wait: Wait = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Import: load, deduplicate, roll up, publish."""
    from flows.database.session import place_of
    from flows.imports.request import ImportRequest
    from flows.orchestration.route import import_sources
    from flows.output.catalog import report_named_catalog
    from flows.output.imports import report_run
    from flows.output.progress_bar import import_progress
    from flows.output.table import say

    request = ImportRequest(
        sources=tuple(sources),
        catalog=str(catalog) if catalog else None,
        mapping_file=str(mapping) if mapping else None,
        clock=parse_clock(clock, is_future=is_future),
        max_rejected=_share(max_rejected, option="--max-rejected"),
        set_aside=set_aside,
        max_unassigned=_share(max_unassigned, option="--max-unassigned"),
        reason=reason,
        allow_withdrawn=allow_withdrawn,
        wait=wait,
    )
    with database() as engine, import_progress() as display:
        result = import_sources(engine, request, display=display, say=say)
        place = place_of(engine)
    if result.catalog is not None and not as_json:
        report_named_catalog(result.catalog)
    if result.error is not None:
        raise result.error
    report_run(result.ledger, result.catalog, place=place, as_json=as_json, is_wide=is_wide)


def _share(value: str | None, *, option: str) -> Decimal | None:
    return None if value is None else parse_share(value, option=option)


@imports_app.callback()
def imports_command(
    context: typer.Context, is_all: All = False, is_wide: Wide = False, as_json: Json = False
) -> None:
    """List imports and rollups, the latest first."""
    if context.invoked_subcommand is not None:
        return
    from flows.history.runs import first_imports, list_imports
    from flows.output.imports import report_all_imports, report_imports
    from flows.output.table import TABLE_LINES

    with reading() as connection:
        if as_json:
            report_all_imports(list_imports(connection))
        else:
            imports, total = first_imports(connection, limit=None if is_all else TABLE_LINES)
            report_imports(imports, total=total, is_all=is_all, is_wide=is_wide)


@imports_app.command("show", epilog=epilog("imports show"))
def imports_show(
    context: typer.Context,
    import_id: Annotated[int, typer.Argument(metavar="ID", help="The id of the import.")],
    is_all: Annotated[
        bool, typer.Option("--files", help="List every file, not only those that matter first.")
    ] = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Show one import: its ledger and files."""
    from flows.history.runs import show_import
    from flows.output.imports import report_import

    with reading() as connection:
        shown = show_import(connection, import_id)
        is_json = as_json or bool(context.parent and context.parent.params["as_json"])
        report_import(shown, as_json=is_json, is_all=is_all, is_wide=is_wide)


def rejects(
    import_id: Annotated[int, typer.Argument(metavar="ID", help="The id of the import.")],
    reject_format: Annotated[
        RejectFormat, typer.Option("--format", help="The causes as a table, or every row as CSV or JSON.")
    ] = RejectFormat.TABLE,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="F", help="The file to write instead of standard output."),
    ] = None,
    is_spreadsheet: Spreadsheet = False,
    is_all: All = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Show the rows that an import rejected, and the reasons."""
    from flows.history.rejections import count_repeats, group_rejections, list_rejections
    from flows.output.rejections import output_to, print_groups, report_rejections

    chosen = RejectFormat.JSON if as_json else reject_format
    refuse_other_format(chosen, is_spreadsheet=is_spreadsheet)
    with reading() as connection:
        if chosen is RejectFormat.TABLE:
            causes = group_rejections(connection, import_id)
            with output_to(output):
                print_groups(causes, is_all=is_all, is_wide=is_wide)
            return
        repeats = count_repeats(connection, import_id)
        rejections = list_rejections(connection, import_id)
        with output_to(output):
            report_rejections(
                rejections, chosen, import_id=import_id, repeats=repeats, is_spreadsheet=is_spreadsheet
            )


def revert(
    import_id: Annotated[int, typer.Argument(metavar="ID", help="The id of the import.")],
    as_json: Json = False,
) -> None:
    """Give up an unfinished import: nothing of it counts."""
    from flows.imports.abort import abort_import
    from flows.output.imports import report_reverted

    with database(is_made=False) as engine:
        abort_import(engine, import_id)
    report_reverted(import_id, as_json=as_json)
