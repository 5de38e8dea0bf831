"""Render the ledger, the rejections and the changed usage of an import as markdown.

In texts of users (file names, ids, values) every character with a meaning in markdown or HTML gets a backslash, so that a
renderer takes them for text only. Character references would do the same, but Prefect's pages print them literally.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from flows.output.files import files_note, shown_files
from flows.output.instants import plain
from flows.output.wording import COUNTED_ROWS, counted, effect_line, greatest_first, ledger_notes
from schemas.ledger import Ledger, RowCounts
from schemas.vocabulary import ImportStatus
from transforms.values.text import cut, visible

CAUSES_SHOWN: Final = 50

NOTES_SHOWN: Final = 50

TEXT_LENGTH: Final = 1_000

RATED_ROWS: Final = 1_000
"""The least number of rows for which the rows a second are printed."""

SPECIAL: Final = {ord(char): f"\\{char}" for char in "\\`*_[]<>|~&#!${}^"}
"""Every character that can have a meaning in markdown or HTML, with a backslash."""


def ledger_page(ledger: Ledger, provenance: Mapping[str, Any], *, seconds: float | None) -> str:
    """Return the page of a ledger: the outcomes in all and by file, the unassigned events, notes, and the provenance."""
    parts = [f"# Import {ledger.import_id}: {_safe(ledger.status)}", _summary(ledger, seconds=seconds)]
    if ledger.message:
        parts.append(f"**{_safe(ledger.message)}**")
    if ledger.rows:
        parts.append(_outcomes_table(ledger))
    if ledger.on_line or ledger.unassigned_by_reason:
        parts += ["## Events on a line, and on none", _assignment_table(ledger)]
    if ledger.files:
        read = sum(not file.is_unchanged for file in ledger.files)
        parts += [f"## {counted(read, 'file')} read", _files_table(ledger)]
    notes = list(islice(ledger_notes(ledger), NOTES_SHOWN))
    if notes:
        parts += ["## Worth a look", "\n".join(f"- {_safe(note)}" for note in notes)]
    parts += ["## Where from", _provenance_list(ledger, provenance)]
    return "\n\n".join(parts) + "\n"


def _summary(ledger: Ledger, *, seconds: float | None) -> str:
    """Return what an import did, in one sentence."""
    pace = ""
    if seconds and ledger.rows >= RATED_ROWS:
        pace = f" in {seconds:,.1f} s ({ledger.rows / seconds:,.0f} rows a second)"
    results = {
        ImportStatus.FAILED: "nothing of it was loaded, its rejections are kept",
        ImportStatus.UNCHANGED: "all its files were known already, nothing was read",
    }
    result = results.get(ImportStatus(ledger.status), effect_line(ledger))
    return f"{ledger.rows:,} rows{pace}; {result}." if ledger.rows else f"{result[0].upper()}{result[1:]}."


def _outcomes_table(ledger: Ledger) -> str:
    return _table(COUNTED_ROWS, [_counts(ledger)], right=range(len(COUNTED_ROWS)))


def _counts(counts: RowCounts) -> list[str]:
    return [_number(getattr(counts, name)) for name in COUNTED_ROWS]


def _assignment_table(ledger: Ledger) -> str:
    """Return this import's events on a line and on none, by reason, and the pairs of event and meter that the meter cannot use."""
    rows = [["on a line", _number(ledger.on_line)]]
    rows += [
        [f"on none: {reason}", _number(events)]
        for reason, events in greatest_first(ledger.unassigned_by_reason)
    ]
    if ledger.unusable:
        rows.append(["unusable (events × meters)", _number(ledger.unusable)])
    return _table(("", "events"), rows, right=(1,))


def _files_table(ledger: Ledger) -> str:
    """Return a row for each file that matters first, and the number of the others.

    The numbers come first: a page has room for some 80 characters and hides the rest of a line.
    """
    shown = shown_files(ledger.files)
    rows = [[*_counts(file), _safe(file.uri), file.sha256[:12]] for file in shown.first]
    table = _table((*COUNTED_ROWS, "file", "sha256"), rows, right=range(len(COUNTED_ROWS)))
    note = files_note(shown, import_id=ledger.import_id)
    return "\n\n".join([*([table] if rows else []), *([_safe(note)] if note else [])])


def _provenance_list(ledger: Ledger, provenance: Mapping[str, Any]) -> str:
    """Return who ran the import, when, from which sources, and why."""
    sources = provenance["sources"]
    values = {
        "sources": " ".join(sources["sources"]),
        "mapping": sources["mapping"],
        "database": provenance.get("database"),
        "clock": ledger.clock,
        "started": provenance["started_at"],
        "published": provenance["published_at"],
        "catalog version": provenance["catalog_version"],
        "run by": f"{provenance['user_name']} on {provenance['host']}",
        "software": f"usage-import {provenance['software']}",
        "reason": provenance["reason"],
    }
    return "\n".join(f"- {name}: {_safe(plain(value))}" for name, value in values.items() if value)


def rejections_page(ledger: Ledger, rejections: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of an import's rejections: their number by code, and their causes with the first rows of each."""
    parts = [
        f"# Import {ledger.import_id}: {ledger.rejected:,} of {ledger.rows:,} rows rejected",
        _table(
            ("code", "rows"),
            [[code, _number(rows)] for code, rows in greatest_first(ledger.rejected_by_reason)],
            right=(1,),
        ),
        "## Causes",
        "\n".join(map(_cause_item, rejections[:CAUSES_SHOWN])),
    ]
    if len(rejections) > CAUSES_SHOWN:
        parts.append(f"… and {len(rejections) - CAUSES_SHOWN:,} more causes.")
    parts.append(
        f"All of them, with their untouched bytes: `usage-import rejects {ledger.import_id} --format json`"
    )
    return "\n\n".join(parts) + "\n"


def _cause_item(cause: Mapping[str, Any]) -> str:
    """Return a cause as an item of a list: its number of rows, its first message, and its first rows."""
    first = "; ".join(f"{_safe(example['uri'])} row {example['row']:,}" for example in cause["examples"])
    rows = counted(cause["rows"], "row")
    return f"- **{rows}, {cause['code']}**: {_safe(cause['first_message'])}\n  - {first}"


def usage_page(ledger: Ledger, changes: Sequence[Mapping[str, Any]]) -> str:
    """Return the page of the usage lines that an import changed: their quantities before and after."""
    columns = ("before", "after", "events", "meter", "group", "period from", "customer", "contract")
    rows = [
        [
            change["quantity_before"] or "",
            "withdrawn" if change["is_withdrawn"] else change["quantity"] or "",
            f"{change['more_events']:+,}",
            _safe(change["meter_code"]),
            "" if change["group"] == "{}" else _safe(change["group"]),
            str(change["period_start_on"]),
            _safe(change["external_customer_id"] or change["customer_id"]),
            _safe(change["contract_id"]),
        ]
        for change in changes
    ]
    more = ledger.lines_changed - len(changes)
    parts = [
        f"# Import {ledger.import_id}: {ledger.lines_changed:,} usage lines changed",
        _table(columns, rows, right=(0, 1, 2)),
    ]
    if more > 0:
        parts.append(f"… and {more:,} more: `usage-import usage`")
    return "\n\n".join(parts) + "\n"


def _safe(value: object) -> str:
    """Return a text of a user as markdown that renders as the same text, cut to ``TEXT_LENGTH`` characters."""
    return cut(visible(str(value)), TEXT_LENGTH).translate(SPECIAL)


def _number(number: int) -> str:
    return f"{number:,}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """Return a markdown table; cells are markdown, and the columns numbered in `right` are aligned to the right."""
    aligned = set(right)
    head = [list(columns), ["---:" if place in aligned else "---" for place in range(len(columns))]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (*head, *rows))
