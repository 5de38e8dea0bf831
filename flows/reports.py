"""Reports: what each command prints of what it did; data on standard output, everything else on standard error."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Final

import polars as pl

from flows.catalog import CatalogResult
from flows.notes import counts_told, notes_of
from flows.terminal import (
    harmless_cell,
    plain,
    print_csv,
    print_json,
    print_json_list,
    print_table,
    say,
    to_json,
)
from schemas.errors import ConfigurationError, UsageImportError
from schemas.ledger import FileLedger, ImportStatus, Ledger, RowCounts
from schemas.settings import Setting
from schemas.usage import USAGE_COLUMNS
from transforms.catalog import FieldChange

OUTCOME_COLUMNS: Final = {
    "file": "file", "rows": "rows", "new": "new", "duplicate": "duplicate", "corrected": "corrected",
    "stale": "stale", "rejected": "rejected",
}  # fmt: skip
NUMBERS: Final = ("rows", "new", "duplicate", "corrected", "stale", "rejected")

LINE_COLUMNS: Final = {
    "contract_id": "contract", "customer": "customer", "meter_code": "meter", "group": "group", "period": "period",
    "quantity": "quantity", "event_count": "events", "unusable_count": "unusable", "status": "status",
}  # fmt: skip

REJECTION_COLUMNS: Final = (
    "import_id", "file", "row", "line", "byte_offset", "code", "message", "field", "value", "raw_length", "raw_sha256",
    "repeats",
)  # fmt: skip

FIRST_LINES: Final = 20
FIRST_FIELDS: Final = 10
VALUE_SHOWN: Final = 200
"""So much is told of what a catalog changed: lines, fields of a line, and characters of a value."""


def report_run(ledger: Ledger, *, as_json: bool) -> None:
    """What an import did; raises UsageImportError with its one line where it failed."""
    if as_json:
        print_json(ledger_document(ledger))
    elif ledger.status == ImportStatus.UNCHANGED:
        say(f"nothing new: every file is known already, last from import {ledger.import_id}")
    else:
        print_outcomes(ledger)
        if ledger.status == ImportStatus.PUBLISHED:
            say(f"import {ledger.import_id} published: {ledger.lines_changed:,} usage lines changed")
    if ledger.status == ImportStatus.FAILED:
        raise UsageImportError(ledger.message or f"import {ledger.import_id} failed")


def report_check(ledger: Ledger, groups: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """What an import of the same sources would do."""
    if as_json:
        print_json(ledger_document(ledger) | {"rejections": [dict(group) for group in groups]})
        return
    print_outcomes(ledger)
    if groups:
        print_groups(groups)
    if ledger.message:
        say(f"an import would fail: {ledger.message}")
    say("checked: nothing was written")


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """A ledger as the one JSON object that ``run --json`` prints."""
    document = _counted_document(ledger, heads=("import_id", "status", "clock"))
    return document | {"files": [_counted_document(file, heads=("uri", "sha256")) for file in ledger.files]}


def _counted_document(ledger: Ledger | FileLedger, *, heads: Sequence[str]) -> dict[str, Any]:
    document = asdict(ledger)
    by_name = document["unknown_fields"]
    document |= {"unknown_fields": sum(by_name.values()), "unknown_fields_by_name": by_name}
    return {name: document[name] for name in heads} | {k: v for k, v in document.items() if k not in heads}


def print_outcomes(ledger: Ledger) -> None:
    """The ledger as a table, a row a file, and what else a person should know."""
    rows = [_outcomes(file, file.uri) for file in ledger.files if not file.is_unchanged]
    if len(rows) > 1:
        rows.append(_outcomes(ledger, "in all"))
    print_table(OUTCOME_COLUMNS, rows, right=NUMBERS)
    for line in told_beside(ledger):
        say(line)


def _outcomes(counts: RowCounts, name: str) -> dict[str, str]:
    return {"file": name} | {number: f"{getattr(counts, number):,}" for number in NUMBERS}


def told_beside(ledger: Ledger) -> list[str]:
    """What the table of outcomes does not say, a line each."""
    said = [f"{file.uri}: unchanged, known already" for file in ledger.files if file.is_unchanged]
    if ledger.rejected_by_reason:
        said.append(f"rejected: {counts_told(ledger.rejected_by_reason)}")
    if ledger.unassigned_by_reason:
        said.append(f"unassigned: {counts_told(ledger.unassigned_by_reason)}")
    if ledger.unusable:
        said.append(f"values that a meter could not use: {ledger.unusable:,}")
    return [*said, *notes_of(ledger)]


def report_rollup(ledger: Ledger, *, as_json: bool) -> None:
    """What a rollup changed."""
    if as_json:
        print_json(
            {
                "import_id": ledger.import_id,
                "status": ledger.status,
                "clock": ledger.clock,
                "lines_changed": ledger.lines_changed,
            }
        )
    else:
        say(f"rollup {ledger.import_id} {ledger.status}: {ledger.lines_changed:,} usage lines changed")


def report_usage(batches: Iterable[Sequence[Mapping[str, Any]]], line_format: str) -> None:
    """The usage lines in the format asked for; what machines read is written as it comes."""
    match line_format:
        case "csv":
            print_csv(USAGE_COLUMNS, chain.from_iterable(batches))
        case "json":
            print_json_list([_line_document(line) for line in batch] for batch in batches)
        case "parquet":
            write_parquet(batches)
        case _:
            shown = [
                {
                    **line,
                    "customer": line["external_customer_id"] or line["customer_id"],
                    "period": f"{line['period_start_on']} – {line['period_end_on']}",
                    "group": "" if line["group"] == "{}" else line["group"],
                }
                for line in chain.from_iterable(batches)
            ]
            print_table(LINE_COLUMNS, shown, right=("quantity", "event_count", "unusable_count"))


def _line_document(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: line[name] for name in USAGE_COLUMNS} | {"group": _raw(line["group"])}


def _raw(text: str) -> Any:
    import msgspec

    return msgspec.Raw(text.encode())


def write_parquet(batches: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """The lines as Parquet on standard output; the quantity is exact text."""
    from pyarrow.parquet import ParquetWriter

    if sys.stdout.isatty():
        raise ConfigurationError("parquet is not for a terminal; redirect it into a file")
    types = {name: PARQUET_TYPES[name] for name in USAGE_COLUMNS}
    with ParquetWriter(
        sys.stdout.buffer, pl.DataFrame(schema=types).to_arrow().schema, compression="zstd"
    ) as file:
        for batch in batches:
            columns = {name: [line[name] for line in batch] for name in USAGE_COLUMNS}
            file.write_table(pl.DataFrame(columns, schema=types, strict=True).to_arrow())


PARQUET_TYPES: Final = {
    name: pl.Datetime("us", "UTC") for name in ("period_start", "period_end", "first_event_at", "last_event_at")
} | dict.fromkeys(("event_count", "unusable_count"), pl.Int64) | dict.fromkeys(("revision", "import_id"), pl.Int32) | dict.fromkeys(
    (
        "line_id", "contract_id", "customer_id", "external_customer_id", "plan_id", "pricing_id", "meter_id", "meter_code",
        "aggregation", "group", "quantity", "status", "kind",
    ),
    pl.String,
)  # fmt: skip


def report_events(events: Sequence[Mapping[str, Any]], *, limit: int, as_json: bool) -> None:
    """Loaded events, and that there may be more than were asked for."""
    if as_json:
        print_json([{**event, "properties": _raw(event["properties"])} for event in events])
        return
    shown = [
        {
            **event,
            "customer": event["external_customer_id"] or event["customer_id"],
            "where": f"{event['file']}:{event['row']}",
        }
        for event in events
    ]
    columns = {
        "timestamp": "timestamp", "event_name": "name", "customer": "customer", "key": "key", "properties": "properties",
        "where": "file:row", "import_id": "import",
    }  # fmt: skip
    print_table(columns, shown, right=("import_id",))
    if len(events) == limit:
        say(f"these are the first {limit:,}; --limit shows more")


def report_unassigned(rows: Sequence[Mapping[str, Any]], *, is_all: bool, as_json: bool) -> None:
    """Events on no line; of all, or of those asked for."""
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
    print_table(columns, shown, right=("event_count",))
    if not rows:
        say("every event is on a usage line" if is_all else "there is no such event")


def report_imports(imports: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """The history of imports."""
    if as_json:
        print_json([dict(row) for row in imports])
        return
    columns = {
        "import_id": "id", "kind": "kind", "status": "status", "started_at": "started", "rows": "rows", "new": "new",
        "rejected": "rejected", "lines_changed": "lines changed", "sources": "sources",
    }  # fmt: skip
    shown = [
        {
            **row,
            **{name: (row["ledger"] or {}).get(name) for name in ("rows", "new", "rejected")},
            "sources": " ".join(row["sources"]["sources"]),
            "started_at": plain(row["started_at"])[:19] + "Z",
        }
        for row in imports
    ]
    print_table(columns, shown, right=("import_id", "rows", "new", "rejected", "lines_changed"))


def report_import(shown: Mapping[str, Any], *, as_json: bool) -> None:
    """One import."""
    if as_json:
        print_json(dict(shown))
        return
    told = {name: value for name, value in shown.items() if name not in {"ledger", "sources", "days"}}
    told |= {"sources": " ".join(shown["sources"]["sources"]), "mapping": shown["sources"]["mapping"]}
    facts = [
        {"what": name.replace("_", " "), "value": plain(value)}
        for name, value in told.items()
        if value not in {None, ""}
    ]
    print_table({"what": "", "value": ""}, facts)
    if shown["days"]:
        say(f"days (UTC): {len(shown['days']):,}, from {shown['days'][0]} to {shown['days'][-1]}")
    files = (shown["ledger"] or {}).get("files", [])
    rows = [{"file": file["uri"], **{name: f"{file[name]:,}" for name in NUMBERS}} for file in files]
    if rows:
        print_table(OUTCOME_COLUMNS, rows, right=NUMBERS)


def report_rejections(
    batches: Iterable[Sequence[Mapping[str, Any]]], reject_format: str, *, repeats: Mapping[int, int]
) -> None:
    """Rejections one by one, written as they come; repeats of open ones are only counted."""
    for import_id, count in repeats.items():
        say(f"{count:,} rows repeat rejections that import {import_id} lists")
    if reject_format == "csv":
        rows = chain.from_iterable(batches)
        print_csv(
            REJECTION_COLUMNS,
            ({name: harmless_cell(plain(row[name])) for name in REJECTION_COLUMNS} for row in rows),
        )
    else:
        print_json_list([_rejection_document(row) for row in batch] for batch in batches)


@contextmanager
def output_to(path: Path | None) -> Iterator[None]:
    """What is written to standard output goes into a file meanwhile, where one is named."""
    if path is None:
        yield
        return
    try:
        with path.open("w", encoding="utf-8") as file, redirect_stdout(file):
            yield
    except OSError as error:
        raise UsageImportError(
            f"{path}: {error.strerror or error}; choose another place with --output"
        ) from error


def _rejection_document(row: Mapping[str, Any]) -> dict[str, Any]:
    raw = row["raw"]
    return {name: row[name] for name in REJECTION_COLUMNS} | {
        "raw": None if raw is None else bytes(raw).decode("utf-8", errors="backslashreplace")
    }


def print_groups(groups: Sequence[Mapping[str, Any]]) -> None:
    """Equal causes as one line with a count and the first rows."""
    shown = [
        {
            **group,
            "examples": ", ".join(f"{example['file']}:{example['row']}" for example in group["examples"]),
        }
        for group in groups
    ]
    columns = {
        "rows": "rows",
        "code": "code",
        "first_message": "first message",
        "examples": "rows (file:row)",
    }
    print_table(columns, shown, right=("rows",))
    if not groups:
        say("nothing was rejected")


def report_settings(kept: Mapping[Setting, str], *, as_json: bool) -> None:
    """Settings and their values."""
    if as_json:
        print_json({setting.value: value for setting, value in kept.items()})
    else:
        print_table(
            {"name": "setting", "value": "value"}, [{"name": s.value, "value": v} for s, v in kept.items()]
        )


def report_reverted(import_id: int, *, as_json: bool) -> None:
    """An unfinished import was given up."""
    if as_json:
        print_json({"import_id": import_id, "status": ImportStatus.REVERTED})
    else:
        say(f"import {import_id} is given up: nothing of it counts")


def report_catalog(result: CatalogResult, *, as_json: bool) -> None:
    """What a catalog changed."""
    if as_json:
        print_json(result.as_json())
        return
    rows = [
        {
            "kind": f"{kind}s",
            "added": len(told.added),
            "changed": len(told.changed),
            "unchanged": told.unchanged,
            "lacking": len(told.lacking),
            "pruned": len(told.pruned),
        }
        for kind, told in result.kinds.items()
    ]
    columns = {name: name for name in ("kind", "added", "changed", "unchanged", "lacking", "pruned")}
    print_table(columns, rows, right=tuple(columns)[1:])
    for told in result.kinds.values():
        _say_first([f"changed {one.id}: {_told_changes(one.fields)}" for one in told.changed])
        _say_first([f"not in the folder, and kept: {lacking}" for lacking in told.lacking])
    for warning in result.warnings:
        say(f"warning: {warning}")
    say(f"catalog {result.version} {'loaded' if result.is_new else 'unchanged'}")
    if result.is_ahead:
        say_lines_follow()


def say_lines_follow() -> None:
    """That a catalog has been loaded which the lines do not know yet."""
    say("the lines follow with the next import; 'usage-import rollup' recomputes them now")


def _say_first(lines: Sequence[str]) -> None:
    """The first lines of many, and how many more there are."""
    for line in lines[:FIRST_LINES]:
        say(line)
    if len(lines) > FIRST_LINES:
        say(f"… and {len(lines) - FIRST_LINES:,} more")


def _told_changes(fields: Sequence[FieldChange]) -> str:
    told = ", ".join(map(_told_change, fields[:FIRST_FIELDS]))
    return told if len(fields) <= FIRST_FIELDS else f"{told} and {len(fields) - FIRST_FIELDS:,} more"


def _told_change(change: FieldChange) -> str:
    """A field with what it was and is; of an object, that it came or went."""
    if isinstance(change.after, dict) and change.before is None:
        return f"{change.field} added"
    if isinstance(change.before, dict) and change.after is None:
        return f"{change.field} removed"
    return f"{change.field} {_shown(change.before)} → {_shown(change.after)}"


def _shown(value: Any) -> str:
    told = to_json(value)
    return told if len(told) <= VALUE_SHOWN else told[:VALUE_SHOWN] + "…"
