"""Print the result of an import, a check, a rollup or a revert, and the history of imports."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import msgspec

from flows.catalog.result import CatalogResult
from flows.output.files import FILES_SHOWN, files_note, shown_files
from flows.output.instants import plain
from flows.output.rejections import print_groups
from flows.output.table import print_json, print_json_list, print_table, say, say_how_many
from flows.output.wording import (
    COUNTED_ROWS,
    billing_line,
    count_list,
    counted,
    effect_line,
    ledger_notes,
    lines_changed,
    publish_document,
)
from schemas.errors import UsageImportError
from schemas.ledger import FileLedger, Ledger, RowCounts
from schemas.vocabulary import ImportStatus

OUTCOME_COLUMNS: Final = {name: name for name in ("file", *COUNTED_ROWS)}

IMPORT_COLUMNS: Final = {
    "import_id": "id", "kind": "kind", "status": "status", "started_at": "started", "rows": "rows", "new": "new",
    "rejected": "rejected", "lines_changed": "lines changed", "sources": "sources",
}  # fmt: skip


def report_run(
    ledger: Ledger, catalog: CatalogResult | None, *, place: str, as_json: bool, is_wide: bool = False
) -> None:
    """Print what an import did, as JSON with the catalog named with it; raise UsageImportError with its message if it failed.

    place: the database that it was written to.
    """
    nearby = place.replace(f"{Path.cwd()}/", "")
    if as_json:
        loaded = None if catalog is None else catalog.as_json()
        print_json(ledger_document(ledger) | {"catalog": loaded, "database": place})
    elif ledger.status == ImportStatus.UNCHANGED:
        for note in ledger_notes(ledger):
            say(note)
        say(f"nothing new: every file is known already, last from import {ledger.import_id}, in {nearby}")
    else:
        _print_outcomes(ledger, is_wide=is_wide)
        if ledger.status == ImportStatus.PUBLISHED:
            say(f"import {ledger.import_id} published: {effect_line(ledger)}, in {nearby}")
    if ledger.status == ImportStatus.FAILED:
        raise UsageImportError(ledger.message or f"import {ledger.import_id} failed")


def report_check(
    ledger: Ledger, groups: Sequence[Mapping[str, Any]], *, as_json: bool, is_wide: bool = False
) -> None:
    """Print what an import of the same sources would do; raise UsageImportError with its message if it would fail."""
    if as_json:
        print_json(ledger_document(ledger) | {"rejections": [dict(group) for group in groups]})
    else:
        _print_outcomes(ledger, is_wide=is_wide)
        if groups:
            print_groups(groups, is_wide=is_wide)
        if billed := billing_line(ledger):
            say(f"an import would have {billed}")
        say("checked: nothing was written")
    if ledger.status == ImportStatus.FAILED:
        raise UsageImportError(f"an import would fail: {ledger.message}")


def ledger_document(ledger: Ledger) -> dict[str, Any]:
    """Return a ledger as the JSON object that ``run --json`` prints."""
    document = _counts_document(ledger, first=("import_id", "status", "clock"))
    return document | {"files": [_counts_document(file, first=("uri", "sha256")) for file in ledger.files]}


def _counts_document(counts: Ledger | FileLedger, *, first: Sequence[str]) -> dict[str, Any]:
    document = asdict(counts)
    by_name = document["unknown_fields"]
    document |= {"unknown_fields": sum(by_name.values()), "unknown_fields_by_name": by_name}
    return {name: document[name] for name in first} | {k: v for k, v in document.items() if k not in first}


def _print_outcomes(ledger: Ledger, *, is_wide: bool, is_all: bool = False) -> None:
    """Print the outcomes as a table with the files that matter first, and then the notes; is_all: all files and notes."""
    shown = shown_files(ledger.files, is_all=is_all)
    rows = [_outcomes_row(file, file.uri) for file in shown.first]
    if len(rows) > 1:
        rows.append(_outcomes_row(ledger, "in all"))
    print_table(
        OUTCOME_COLUMNS,
        rows,
        right=COUNTED_ROWS,
        give_way=("stale", "corrected", "duplicate"),
        is_wide=is_wide,
    )
    notes = list(_notes(ledger))
    for line in notes if is_all else notes[:FILES_SHOWN]:
        say(line)
    if not is_all and len(notes) > FILES_SHOWN:
        say(f"… and {counted(len(notes) - FILES_SHOWN, 'more note')}")
    if hidden := files_note(shown, import_id=ledger.import_id):
        say(hidden)


def _outcomes_row(counts: RowCounts, name: str) -> dict[str, str]:
    return {"file": name} | {number: f"{getattr(counts, number):,}" for number in COUNTED_ROWS}


def _notes(ledger: Ledger) -> Iterator[str]:
    """Yield what the table of outcomes does not show, a line each."""
    if ledger.rejected_by_reason:
        yield f"rejected: {count_list(ledger.rejected_by_reason)}"
    yield from ledger_notes(ledger)


def report_rollup(ledger: Ledger, *, as_json: bool) -> None:
    """Print what a rollup changed."""
    if as_json:
        print_json(publish_document(ledger))
    else:
        say(f"rollup {ledger.import_id} {ledger.status}: {lines_changed(ledger.lines)}")


def report_imports(
    imports: Sequence[Mapping[str, Any]], *, total: int, is_all: bool, is_wide: bool = False
) -> None:
    """Print the history of imports as a table, a row for each; total: how many there are."""
    rows = [
        {**row, "sources": " ".join(row["sources"]), "started_at": plain(row["started_at"])[:19] + "Z"}
        for row in imports
    ]
    print_table(
        IMPORT_COLUMNS,
        rows,
        right=("import_id", "rows", "new", "rejected", "lines_changed"),
        whole=("kind", "status", "started_at"),
        give_way=("lines_changed", "kind", "new", "sources", "rejected"),
        is_wide=is_wide,
    )
    for row in imports:
        if row["set_aside"]:
            place = f"'usage-import imports show {row['import_id']} --files'"
            say(f"import {row['import_id']} set {counted(row['set_aside'], 'file')} aside: {place}")
    if not is_all:
        say_how_many(total, "imports and rollups")


def report_all_imports(batches: Iterable[Sequence[Mapping[str, Any]]]) -> None:
    """Print the history of imports as JSON, some at a time."""
    print_json_list([_import_document(row) for row in batch] for batch in batches)


def report_import(
    run: Mapping[str, Any], *, as_json: bool, is_all: bool = False, is_wide: bool = False
) -> None:
    """Print one import: its columns, its days, and the outcomes of its files; is_all: of every file."""
    if as_json:
        print_json(_import_document(run))
        return
    values = {name: value for name, value in run.items() if name not in {"ledger", "sources", "days"}}
    values |= {"sources": " ".join(run["sources"]["sources"]), "mapping": run["sources"]["mapping"]}
    lines = [
        {"name": name.replace("_", " "), "value": plain(value)}
        for name, value in values.items()
        if value not in {None, ""}
    ]
    print_table({"name": "", "value": ""}, lines, is_wide=True)
    if run["days"]:
        say(f"days (UTC): {len(run['days']):,}, from {run['days'][0]} to {run['days'][-1]}")
    ledger = _ledger_of(run)
    if ledger.files:
        _print_outcomes(ledger, is_wide=is_wide, is_all=is_all)


def _ledger_of(run: Mapping[str, Any]) -> Ledger:
    """Return the stored ledger of an import; one without files if it has none, or is a rollup."""
    return msgspec.convert(run["ledger"] or {}, Ledger)


def _import_document(run: Mapping[str, Any]) -> dict[str, Any]:
    """Return an import as JSON: its sources and mapping, and its ledger as ``run --json`` prints it."""
    ledger = None if run["ledger"] is None else ledger_document(_ledger_of(run))
    return {**run, **run["sources"], "ledger": ledger}


def report_reverted(import_id: int, *, as_json: bool) -> None:
    """Print that an unfinished import was given up."""
    if as_json:
        print_json({"import_id": import_id, "status": ImportStatus.REVERTED})
    else:
        say(f"import {import_id} is given up: nothing of it counts")
