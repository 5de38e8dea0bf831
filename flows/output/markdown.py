"""Render the ledger, the rejections and the changed usage of an import as markdown.

Texts of users (file names, ids, values) stand in markdown with a backslash before every character that could mean
something to markdown or HTML, so that no renderer takes them for more than text. (Character references would do as well,
but Prefect's pages show them as they stand.)
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from flows.output.instants import plain
from flows.output.table import visible
from flows.output.wording import notes_of
from schemas.ledger import Ledger, RowCounts
from schemas.vocabulary import ImportStatus

FILES_SHOWN: Final = 100

CAUSES_SHOWN: Final = 50

NOTES_SHOWN: Final = 200

TEXT_LENGTH: Final = 1_000

WORTH_A_RATE: Final = 1_000

OUTCOMES: Final = ("rows", "new", "duplicate", "corrected", "stale", "rejected")

MEANINGFUL: Final = {ord(char): f"\\{char}" for char in "\\`*_[]<>|~&#!${}^"}


def ledger_page(ledger: Ledger, provenance: Mapping[str, Any], *, seconds: float | None) -> str:
    """The ledger: outcomes in all and by file, what does not count, who ran it."""
    parts = [f"# Import {ledger.import_id}: {safe(ledger.status)}", told(ledger, seconds=seconds)]
    if ledger.message:
        parts.append(f"**{safe(ledger.message)}**")
    if ledger.rows:
        parts.append(outcomes_table(ledger))
    if ledger.unassigned_by_reason or ledger.unusable:
        parts += ["## Loaded, but on no line", unassigned_table(ledger)]
    if ledger.files:
        parts += [
            f"## {len(ledger.files):,} {'file' if len(ledger.files) == 1 else 'files'}",
            files_table(ledger),
        ]
    notes = list(islice(notes_of(ledger), NOTES_SHOWN))
    if notes:
        parts += ["## Worth a look", "\n".join(f"- {safe(note)}" for note in notes)]
    parts += ["## Where from", provenance_list(ledger, provenance)]
    return "\n\n".join(parts) + "\n"


def told(ledger: Ledger, *, seconds: float | None) -> str:
    """What came of an import, in a sentence."""
    pace = ""
    if seconds and ledger.rows >= WORTH_A_RATE:
        pace = f" in {seconds:,.1f} s ({ledger.rows / seconds:,.0f} rows a second)"
    counts = {
        ImportStatus.FAILED: "nothing of it was loaded, its rejections are kept",
        ImportStatus.UNCHANGED: "all its files were known already, nothing was read",
    }
    changed = counts.get(ImportStatus(ledger.status), f"{ledger.lines_changed:,} usage lines changed")
    return f"{ledger.rows:,} rows{pace}; {changed}." if ledger.rows else f"{changed[0].upper()}{changed[1:]}."


def outcomes_table(ledger: Ledger) -> str:
    """Every row has one outcome; the first number is their sum."""
    return table(OUTCOMES, [[count(getattr(ledger, name)) for name in OUTCOMES]], right=range(len(OUTCOMES)))


def unassigned_table(ledger: Ledger) -> str:
    """This import's events that count on no line, and the pairs of event and meter that the meter cannot use."""
    rows = [[reason, count(events)] for reason, events in sorted(ledger.unassigned_by_reason.items())]
    if ledger.unusable:
        rows.append(["unusable (events × meters)", count(ledger.unusable)])
    return table(("reason", "events"), rows, right=(1,))


def files_table(ledger: Ledger) -> str:
    """A row per file, in the order of their places; only the first where there are very many.

    Numbers stand first: a page has room for some 80 characters and hides what is to the right of them.
    """
    rows = [[*file_counts(file), safe(file.uri), file.sha256[:12]] for file in ledger.files[:FILES_SHOWN]]
    more = len(ledger.files) - FILES_SHOWN
    shown = table((*OUTCOMES, "file", "sha256"), rows, right=range(len(OUTCOMES)))
    return shown + (
        f"\n\n… and {more:,} more: `usage-import imports show {ledger.import_id}`" if more > 0 else ""
    )


def file_counts(file: RowCounts) -> list[str]:
    """The outcomes of a file's rows; one that was known already has none."""
    if getattr(file, "is_unchanged", False):
        return ["known", *("" for _ in OUTCOMES[1:])]
    return [count(getattr(file, name)) for name in OUTCOMES]


def provenance_list(ledger: Ledger, provenance: Mapping[str, Any]) -> str:
    """Who ran the import, when, with what, and why."""
    sources = provenance["sources"]
    told = {
        "sources": " ".join(sources["sources"]),
        "mapping": sources["mapping"],
        "clock": ledger.clock,
        "started": provenance["started_at"],
        "published": provenance["published_at"],
        "catalog version": provenance["catalog_version"],
        "run by": f"{provenance['user_name']} on {provenance['host']}",
        "software": f"usage-import {provenance['software']}",
        "reason": provenance["reason"],
    }
    return "\n".join(f"- {name}: {safe(plain(value))}" for name, value in told.items() if value)


def rejections_page(ledger: Ledger, rejections: Sequence[Mapping[str, Any]]) -> str:
    """Rejections by reason, each with its first message and where its first rows are."""
    parts = [
        f"# Import {ledger.import_id}: {ledger.rejected:,} of {ledger.rows:,} rows rejected",
        table(
            ("code", "rows"),
            [[code, count(rows)] for code, rows in by_count(ledger.rejected_by_reason)],
            right=(1,),
        ),
        "## Causes",
        "\n".join(cause_told(cause) for cause in rejections[:CAUSES_SHOWN]),
    ]
    if len(rejections) > CAUSES_SHOWN:
        parts.append(f"… and {len(rejections) - CAUSES_SHOWN:,} more causes.")
    parts.append(
        f"All of them, with their untouched bytes: `usage-import rejects {ledger.import_id} --format json`"
    )
    return "\n\n".join(parts) + "\n"


def cause_told(cause: Mapping[str, Any]) -> str:
    """A cause as an item of a list: how many rows, the first message, where the first rows are."""
    first = "; ".join(f"{safe(example['file'])} row {example['row']:,}" for example in cause["examples"])
    rows = "1 row" if cause["rows"] == 1 else f"{cause['rows']:,} rows"
    return f"- **{rows}, {cause['code']}**: {safe(cause['first_message'])}\n  - {first}"


def usage_page(ledger: Ledger, changes: Sequence[Mapping[str, Any]]) -> str:
    """Usage before and after, of the lines with the most events first."""
    columns = ("before", "after", "events", "meter", "group", "period from", "customer", "contract")
    rows = [
        [
            change["quantity_before"] or "",
            "withdrawn" if change["is_withdrawn"] else change["quantity"] or "",
            f"{change['more_events']:+,}",
            safe(change["meter_code"]),
            "" if change["group"] == "{}" else safe(change["group"]),
            str(change["period_start_on"]),
            safe(change["external_customer_id"] or change["customer_id"]),
            safe(change["contract_id"]),
        ]
        for change in changes
    ]
    more = ledger.lines_changed - len(changes)
    parts = [
        f"# Import {ledger.import_id}: {ledger.lines_changed:,} usage lines changed",
        table(columns, rows, right=(0, 1, 2)),
    ]
    if more > 0:
        parts.append(f"… and {more:,} more: `usage-import usage`")
    return "\n\n".join(parts) + "\n"


def safe(value: object) -> str:
    """A text of somebody's as markdown that means nothing but itself; cut where it is very long."""
    shown = visible(str(value))
    shown = shown if len(shown) <= TEXT_LENGTH else shown[:TEXT_LENGTH] + "…"
    return shown.translate(MEANINGFUL)


def count(number: int) -> str:
    """A number with thousands told apart."""
    return f"{number:,}"


def by_count(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Names and counts, the greatest first."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> str:
    """A markdown table of cells that are markdown already; the columns numbered in `right` to the right."""
    aligned = set(right)
    head = [list(columns), ["---:" if place in aligned else "---" for place in range(len(columns))]]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (*head, *rows))
