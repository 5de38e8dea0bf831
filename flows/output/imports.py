"""Print what an import, a check, a rollup or a revert did, and the history."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Final

from flows.output.instants import plain
from flows.output.table import harmless_cell, print_csv, print_json, print_json_list, print_table, say
from flows.output.wording import counts_told, notes_of
from schemas.errors import UsageImportError
from schemas.ledger import FileLedger, Ledger, RowCounts
from schemas.vocabulary import ImportStatus

OUTCOME_COLUMNS: Final = {
    "file": "file", "rows": "rows", "new": "new", "duplicate": "duplicate", "corrected": "corrected",
    "stale": "stale", "rejected": "rejected",
}  # fmt: skip

NUMBERS: Final = ("rows", "new", "duplicate", "corrected", "stale", "rejected")


REJECTION_COLUMNS: Final = (
    "import_id", "file", "row", "line", "byte_offset", "code", "message", "field", "value", "raw_length", "raw_sha256",
    "repeats",
)  # fmt: skip


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


def report_reverted(import_id: int, *, as_json: bool) -> None:
    """An unfinished import was given up."""
    if as_json:
        print_json({"import_id": import_id, "status": ImportStatus.REVERTED})
    else:
        say(f"import {import_id} is given up: nothing of it counts")
