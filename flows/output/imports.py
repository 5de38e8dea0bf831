"""Print the result of an import, a check, a rollup or a revert, the history of imports, and rejections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Final

from flows.output.instants import plain
from flows.output.table import harmless_cell, print_csv, print_json, print_json_list, print_table, say
from flows.output.wording import COUNTED_ROWS, count_list, ledger_notes
from schemas.errors import UsageImportError
from schemas.ledger import FileLedger, Ledger, RowCounts
from schemas.vocabulary import ImportStatus

OUTCOME_COLUMNS: Final = {name: name for name in ("file", *COUNTED_ROWS)}

REJECTION_COLUMNS: Final = (
    "import_id", "file", "row", "line", "byte_offset", "code", "message", "field", "value", "raw_length", "raw_sha256",
    "repeats",
)  # fmt: skip


def report_run(ledger: Ledger, *, as_json: bool) -> None:
    """Print what an import did; raise UsageImportError with its message if it failed."""
    if as_json:
        print_json(ledger_document(ledger))
    elif ledger.status == ImportStatus.UNCHANGED:
        say(f"nothing new: every file is known already, last from import {ledger.import_id}")
    else:
        _print_outcomes(ledger)
        if ledger.status == ImportStatus.PUBLISHED:
            say(f"import {ledger.import_id} published: {ledger.lines_changed:,} usage lines changed")
    if ledger.status == ImportStatus.FAILED:
        raise UsageImportError(ledger.message or f"import {ledger.import_id} failed")


def report_check(ledger: Ledger, groups: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print what an import of the same sources would do."""
    if as_json:
        print_json(ledger_document(ledger) | {"rejections": [dict(group) for group in groups]})
        return
    _print_outcomes(ledger)
    if groups:
        print_groups(groups)
    if ledger.message:
        say(f"an import would fail: {ledger.message}")
    say("checked: nothing was written")


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """Return a ledger as the JSON object that ``run --json`` prints."""
    document = _counts_document(ledger, first=("import_id", "status", "clock"))
    return document | {"files": [_counts_document(file, first=("uri", "sha256")) for file in ledger.files]}


def _counts_document(counts: Ledger | FileLedger, *, first: Sequence[str]) -> dict[str, Any]:
    document = asdict(counts)
    by_name = document["unknown_fields"]
    document |= {"unknown_fields": sum(by_name.values()), "unknown_fields_by_name": by_name}
    return {name: document[name] for name in first} | {k: v for k, v in document.items() if k not in first}


def _print_outcomes(ledger: Ledger) -> None:
    """Print the outcomes as a table with a row for each file, and then the notes."""
    rows = [_outcomes_row(file, file.uri) for file in ledger.files if not file.is_unchanged]
    if len(rows) > 1:
        rows.append(_outcomes_row(ledger, "in all"))
    print_table(OUTCOME_COLUMNS, rows, right=COUNTED_ROWS)
    for line in _notes(ledger):
        say(line)


def _outcomes_row(counts: RowCounts, name: str) -> dict[str, str]:
    return {"file": name} | {number: f"{getattr(counts, number):,}" for number in COUNTED_ROWS}


def _notes(ledger: Ledger) -> Iterator[str]:
    """Yield what the table of outcomes does not show, a line each."""
    yield from (f"{file.uri}: unchanged, known already" for file in ledger.files if file.is_unchanged)
    if ledger.rejected_by_reason:
        yield f"rejected: {count_list(ledger.rejected_by_reason)}"
    if ledger.unassigned_by_reason:
        yield f"unassigned: {count_list(ledger.unassigned_by_reason)}"
    if ledger.unusable:
        yield f"values that a meter could not use: {ledger.unusable:,}"
    yield from ledger_notes(ledger)


def report_rollup(ledger: Ledger, *, as_json: bool) -> None:
    """Print what a rollup changed."""
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


def report_imports(imports: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """Print the history of imports, a row for each."""
    if as_json:
        print_json([dict(row) for row in imports])
        return
    columns = {
        "import_id": "id", "kind": "kind", "status": "status", "started_at": "started", "rows": "rows", "new": "new",
        "rejected": "rejected", "lines_changed": "lines changed", "sources": "sources",
    }  # fmt: skip
    rows = [
        {
            **row,
            **{name: (row["ledger"] or {}).get(name) for name in ("rows", "new", "rejected")},
            "sources": " ".join(row["sources"]["sources"]),
            "started_at": plain(row["started_at"])[:19] + "Z",
        }
        for row in imports
    ]
    print_table(columns, rows, right=("import_id", "rows", "new", "rejected", "lines_changed"))


def report_import(run: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one import: its columns, its days, and the outcomes of its files."""
    if as_json:
        print_json(dict(run))
        return
    values = {name: value for name, value in run.items() if name not in {"ledger", "sources", "days"}}
    values |= {"sources": " ".join(run["sources"]["sources"]), "mapping": run["sources"]["mapping"]}
    lines = [
        {"name": name.replace("_", " "), "value": plain(value)}
        for name, value in values.items()
        if value not in {None, ""}
    ]
    print_table({"name": "", "value": ""}, lines)
    if run["days"]:
        say(f"days (UTC): {len(run['days']):,}, from {run['days'][0]} to {run['days'][-1]}")
    files = (run["ledger"] or {}).get("files", [])
    rows = [{"file": file["uri"], **{name: f"{file[name]:,}" for name in COUNTED_ROWS}} for file in files]
    if rows:
        print_table(OUTCOME_COLUMNS, rows, right=COUNTED_ROWS)


def report_rejections(
    batches: Iterable[Sequence[Mapping[str, Any]]], reject_format: str, *, repeats: Mapping[int, int]
) -> None:
    """Print rejections one by one, each batch as soon as it comes.

    repeats: for each import that lists the same rejections already, the number of rows that repeat them.
    """
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
    """Write standard output to a file while the context is open, if a path is given."""
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
    """Print the causes of rejections, each with its number of rows and the first of them."""
    rows = [
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
    print_table(columns, rows, right=("rows",))
    if not groups:
        say("nothing was rejected")


def report_reverted(import_id: int, *, as_json: bool) -> None:
    """Print that an unfinished import was given up."""
    if as_json:
        print_json({"import_id": import_id, "status": ImportStatus.REVERTED})
    else:
        say(f"import {import_id} is given up: nothing of it counts")
