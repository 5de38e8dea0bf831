"""Print usage lines, events and unassigned events."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, Final

import polars as pl

from flows.output.table import (
    TABLE_LINES,
    print_csv,
    print_json,
    print_json_list,
    print_table,
    say,
    say_how_many,
)
from schemas.errors import ConfigurationError
from schemas.frames.usage import USAGE_COLUMNS, USAGE_LINES

EVENT_COLUMNS: Final = {
    "timestamp": "timestamp", "event_name": "name", "customer": "customer", "key": "key", "properties": "properties",
    "uri": "file", "row": "row", "import_id": "import",
}  # fmt: skip

LINE_COLUMNS: Final = {
    "contract_id": "contract", "customer": "customer", "meter_code": "meter", "group": "group", "period": "period",
    "quantity": "quantity", "event_count": "events", "unusable_count": "unusable", "status": "status",
}  # fmt: skip


def report_usage(
    batches: Iterable[Sequence[Mapping[str, Any]]],
    line_format: str,
    *,
    is_wide: bool = False,
    is_spreadsheet: bool = False,
    quantity_scale: int | None = None,
) -> None:
    """Print usage lines as a table, CSV, JSON or Parquet, batch by batch.

    quantity_scale: the digits after the point of quantities in Parquet; None writes them as text.
    """
    match line_format:
        case "csv":
            print_csv(USAGE_COLUMNS, chain.from_iterable(batches), is_spreadsheet=is_spreadsheet)
        case "json":
            print_json_list([_line_document(line) for line in batch] for batch in batches)
        case "parquet":
            write_parquet(batches, quantity_scale=quantity_scale)
        case _:
            print_table(
                LINE_COLUMNS,
                (_shown_line(line) for line in chain.from_iterable(batches)),
                right=("quantity", "event_count", "unusable_count"),
                whole=("contract_id", "period", "status"),
                give_way=("unusable_count", "contract_id", "event_count", "status", "group"),
                is_wide=is_wide,
            )


def _shown_line(line: Mapping[str, Any]) -> dict[str, Any]:
    """Return a usage line as a table shows it."""
    return {
        **line,
        "customer": line["external_customer_id"] or line["customer_id"],
        "period": f"{line['period_start_on']} – {line['period_end_on']}",
        "group": "" if line["group"] == "{}" else line["group"],
    }


def _line_document(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in USAGE_COLUMNS} | {"group": _raw(line["group"])}


def _raw(text: str) -> Any:
    import msgspec

    return msgspec.Raw(text.encode())


def write_parquet(
    batches: Iterable[Sequence[Mapping[str, Any]]], *, quantity_scale: int | None = None
) -> None:
    """Write lines as Parquet to standard output; the quantity is a decimal of 38 digits, or exact text without a scale."""
    from pyarrow import Table, array, decimal128, field, string
    from pyarrow.parquet import ParquetWriter

    if sys.stdout.isatty():
        raise ConfigurationError("parquet is not for a terminal; redirect it into a file")
    quantity = string() if quantity_scale is None else decimal128(38, quantity_scale)
    plain = pl.DataFrame(schema=USAGE_LINES).to_arrow().schema
    place = plain.get_field_index("quantity")
    schema = plain.set(place, field("quantity", quantity))
    if quantity_scale is None:
        say("the quantities are text, as one has more digits than a decimal(38) holds")
    with ParquetWriter(sys.stdout.buffer, schema, compression="zstd") as file:
        for batch in batches:
            columns = {name: [line[name] for line in batch] for name in USAGE_COLUMNS}
            table: Table = pl.DataFrame(columns, schema=USAGE_LINES, strict=True).to_arrow()
            values = columns["quantity"]
            if quantity_scale is not None:
                values = [None if value is None else Decimal(value) for value in values]
            file.write_table(table.set_column(place, schema.field(place), array(values, quantity)))


def report_events(
    events: Sequence[Mapping[str, Any]], *, limit: int, as_json: bool, is_wide: bool = False
) -> None:
    """Print loaded events, and a note if there may be more than `limit`."""
    if as_json:
        print_json([{**event, "properties": _raw(event["properties"])} for event in events])
        return
    shown = [{**event, "customer": event["external_customer_id"] or event["customer_id"]} for event in events]
    print_table(
        EVENT_COLUMNS,
        shown,
        right=("row", "import_id"),
        whole=("timestamp", "key"),
        give_way=("import_id", "key", "uri", "row", "properties"),
        is_wide=is_wide,
    )
    if len(events) == limit:
        say(f"these are the first {limit:,}; --limit shows more")


def say_periods(month: str, months: tuple[str, str] | None) -> None:
    """Print that no period starts in a month, and in which months periods start."""
    if months is None:
        say("there are no usage lines yet")
    else:
        say(f"no period starts in {month}; the periods start in {months[0]} to {months[1]}")


def report_unassigned(
    rows: Sequence[Mapping[str, Any]],
    *,
    is_filtered: bool,
    as_json: bool,
    is_all: bool = False,
    is_wide: bool = False,
) -> None:
    """Print unassigned events by customer, name and reason: the first ``TABLE_LINES``, or all."""
    if as_json:
        print_json(
            [{**row, "first_day": str(row["first_day"]), "last_day": str(row["last_day"])} for row in rows]
        )
        return
    columns = {
        "customer": "customer", "event_name": "name", "reason": "reason", "event_count": "events",
        "first_day": "first day", "last_day": "last day",
    }  # fmt: skip
    shown = [{**row, "customer": row["external_customer_id"] or row["customer_id"]} for row in rows]
    print_table(
        columns,
        shown if is_all else shown[:TABLE_LINES],
        right=("event_count",),
        whole=("first_day", "last_day", "reason"),
        give_way=("first_day", "last_day"),
        is_wide=is_wide,
    )
    if not is_all:
        say_how_many(len(rows), "rows")
    if not rows:
        say("there is no such event" if is_filtered else "every event is on a usage line")
