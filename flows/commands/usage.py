"""Define the commands about usage: usage, events, unassigned."""

from enum import StrEnum
from typing import Annotated

import typer

from flows.commands.arguments import All, Json, Spreadsheet, Wide, parse_month, reading, refuse_other_format


class LineFormat(StrEnum):
    """The formats of usage lines."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def usage(
    period: Annotated[
        str | None, typer.Option("--period", metavar="YYYY-MM", help="Only periods that start in this month.")
    ] = None,
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Only this customer, by id or external id.")
    ] = None,
    contract: Annotated[
        str | None, typer.Option("--contract", metavar="ID", help="Only this contract.")
    ] = None,
    meter: Annotated[
        str | None, typer.Option("--meter", metavar="CODE", help="Only the meter of this code.")
    ] = None,
    line_format: Annotated[
        LineFormat, typer.Option("--format", help="The format; all but the table have every column.")
    ] = LineFormat.TABLE,
    is_spreadsheet: Spreadsheet = False,
    is_all: All = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """Print the invoice-ready usage lines."""
    from flows.output.table import TABLE_LINES, say_how_many
    from flows.output.usage import report_usage, say_periods
    from flows.usage.read_lines import (
        UsageFilter,
        count_usage,
        first_usage,
        months_of_usage,
        quantity_scale,
        read_usage,
    )

    wanted = UsageFilter(parse_month(period), customer, contract, meter)
    chosen = LineFormat.JSON if as_json else line_format
    refuse_other_format(chosen, is_spreadsheet=is_spreadsheet)
    with reading() as connection:
        if chosen is not LineFormat.TABLE or is_all:
            is_parquet = chosen is LineFormat.PARQUET
            scale = quantity_scale(connection, wanted) if is_parquet else None
            report_usage(
                read_usage(connection, wanted),
                chosen,
                is_wide=is_wide,
                is_spreadsheet=is_spreadsheet,
                quantity_scale=scale,
            )
            return
        first = first_usage(connection, wanted, number=TABLE_LINES + 1)
        report_usage([first[:TABLE_LINES]], chosen, is_wide=is_wide)
        if not first and wanted.period is not None:
            say_periods(wanted.period, months_of_usage(connection, wanted))
        if len(first) > TABLE_LINES:
            say_how_many(count_usage(connection, wanted), "lines")


def events(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Only this customer, by id or external id.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", metavar="N", help="Only events of this name.")] = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="K", min=1, max=2**31 - 1, help="The greatest number of events.")
    ] = 100,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List loaded events: timestamp, name, customer, key, and where each came from."""
    from flows.output.usage import report_events
    from flows.usage.events import list_events

    with reading() as connection:
        found = list_events(connection, customer=customer, name=name, limit=limit)
        report_events(found, limit=limit, as_json=as_json, is_wide=is_wide)


def unassigned(
    customer: Annotated[
        str | None, typer.Option("--customer", metavar="C", help="Only this customer, by id or external id.")
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", metavar="R", help="Only events on no line for this reason.")
    ] = None,
    is_all: All = False,
    is_wide: Wide = False,
    as_json: Json = False,
) -> None:
    """List events on no line, by customer, name and reason."""
    from flows.output.usage import report_unassigned
    from flows.usage.unassigned import list_unassigned

    with reading() as connection:
        rows = list_unassigned(connection, customer=customer, reason=reason)
        is_filtered = customer is not None or reason is not None
        report_unassigned(rows, is_filtered=is_filtered, as_json=as_json, is_all=is_all, is_wide=is_wide)
