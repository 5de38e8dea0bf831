"""Word the sentences that more than one room prints: counts, notes about an import, and why an import is refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from flows.catalog.result import CatalogResult
from schemas.ledger import FileLedger, Ledger, LineChanges, RowCounts
from schemas.vocabulary import ImportStatus, Outcome, RejectionCode
from transforms.imports.acceptance import (
    KeyTooShort,
    MissingMember,
    MostlyBefore2000,
    Refusal,
    SharedKeys,
    TooManyRejected,
)
from transforms.values.text import quoted

FILES_NAMED = 3

FIELDS_NAMED = 20

COUNTED_ROWS: Final = ("rows", *(outcome.value for outcome in Outcome))
"""The counts of ``RowCounts`` in the order in which they are printed: all rows, then the rows of each outcome."""


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    >>> counted(1, "file"), counted(2000, "file")
    ('1 file', '2,000 files')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def greatest_first(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Return names with their counts, the greatest first and equal ones by name."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def count_list(counts: Mapping[str, int]) -> str:
    """Return names with their counts on one line, the greatest first."""
    return ", ".join(f"{name} {count:,}" for name, count in greatest_first(counts))


def lines_changed(lines: LineChanges) -> str:
    """Return how many usage lines a publish revised, in words.

    >>> lines_changed(LineChanges(new=2, changed=1, due=2)), lines_changed(LineChanges())
    ('3 usage lines changed (2 new, 1 changed; 2 of them due)', '0 usage lines changed')
    """
    total = f"{counted(lines.total, 'usage line')} changed"
    kinds = {"new": lines.new, "changed": lines.changed, "withdrawn": lines.withdrawn}
    listed = ", ".join(f"{number:,} {kind}" for kind, number in kinds.items() if number)
    return f"{total} ({listed}; {lines.due:,} of them due)" if listed else total


def billing_line(ledger: Ledger) -> str:
    """Return how many events of an import are on a line and on none, in words; an empty text if none counts.

    >>> billing_line(Ledger(on_line=1200, unassigned_by_reason={"no_contract": 3}, unusable=2))
    '1,200 events on a line, 3 on none (no_contract 3), 2 values that a meter could not use'
    """
    unassigned = sum(ledger.unassigned_by_reason.values())
    if not (ledger.on_line or unassigned):
        return ""
    reasons = f" ({count_list(ledger.unassigned_by_reason)})" if unassigned else ""
    unusable = f", {counted(ledger.unusable, 'value')} that a meter could not use" if ledger.unusable else ""
    return f"{counted(ledger.on_line, 'event')} on a line, {unassigned:,} on none{reasons}{unusable}"


def effect_line(ledger: Ledger) -> str:
    """Return the effect of a published import in words: its events on a line and on none, and the lines that changed."""
    return "; ".join(filter(None, (billing_line(ledger), lines_changed(ledger.lines))))


def unassigned_warning(ledger: Ledger, limit: Decimal) -> str:
    """Return the warning that more events than the limit are on no line."""
    unassigned = sum(ledger.unassigned_by_reason.values())
    return (
        f"{unassigned:,} of {unassigned + ledger.on_line:,} events are on no line, above the limit of "
        f"{percent(limit)}; "
        "'usage-import unassigned' lists them, and they count as soon as a catalog covers them"
    )


def useless_meter_warning(code: str, property_: str | None, events: int) -> str:
    """Return the warning that a meter could use none of the events that it matched."""
    return (
        f"meter {quoted(code)}: none of its {counted(events, 'event')} has a number in {quoted(property_)}; "
        "check the meter's aggregationKey, or the properties of the events"
    )


def links_warning(links: Sequence[str]) -> str:
    """Return the warning that links which lead out of their folder were not read, with the first few of them."""
    more = f" and {len(links) - FILES_NAMED:,} more" if len(links) > FILES_NAMED else ""
    return (
        f"not read, for links out of a folder are not followed: {', '.join(links[:FILES_NAMED])}{more}; "
        "name such a file itself, or copy it into the folder"
    )


def percent(share: Decimal) -> str:
    """Return a share in percent, without trailing zeros."""
    return f"{(share * 100).normalize():f} %"


def catalog_line(catalog: CatalogResult) -> str:
    """Return one line about a catalog: its version, and its changes by kind."""
    changes = ", ".join(
        f"{counted(len(getattr(made, change)), str(kind))} {change}"
        for kind, made in catalog.kinds.items()
        for change in ("added", "changed", "pruned")
        if getattr(made, change)
    )
    return f"catalog {catalog.version}: {changes or 'unchanged'}"


def named_catalog_line(catalog: CatalogResult) -> str:
    """Return one line about a catalog that was named with an import, and whether it counts."""
    match catalog.status:
        case ImportStatus.PUBLISHED:
            return f"{catalog_line(catalog)}; published with import {catalog.import_id}"
        case ImportStatus.FAILED:
            return f"{catalog_line(catalog)}; not loaded, as the import failed"
        case _:
            return catalog_line(catalog)


def publish_document(ledger: Ledger) -> dict[str, Any]:
    """Return a publish without files as JSON values."""
    return {
        "import_id": ledger.import_id,
        "status": ledger.status,
        "clock": ledger.clock,
        "lines_changed": ledger.lines_changed,
        "lines": asdict(ledger.lines),
    }


def ledger_notes(ledger: Ledger) -> Iterator[str]:
    """Yield what a person should know beside the outcomes, a line each: of the whole import, then of its files."""
    yield from (f"warning: {warning}" for warning in ledger.warnings)
    if ledger.unknown_fields:
        yield f"unknown fields: {count_list(ledger.unknown_fields)}"
    if ledger.duplicates_without_key:
        yield f"duplicates without a key: {ledger.duplicates_without_key:,}"
    if ledger.defaulted_timestamps:
        yield f"timestamps that were missing and are now the import's clock: {ledger.defaulted_timestamps:,}"
    if ledger.doubled_local_times:
        yield f"local times that occur twice, taken as the earlier: {ledger.doubled_local_times:,}"
    if ledger.before_2000:
        yield f"events before the year 2000: {ledger.before_2000:,}"
    yield from _times(ledger)
    for file in ledger.files:
        if file.set_aside:
            yield f"{file.uri}: set aside, nothing of it is loaded: {file.set_aside}"
        elif not file.rows and not file.is_unchanged:
            yield f"{file.uri}: there is no row in it"
        if file.replaces_import_id is not None:
            yield f"{file.uri}: import {file.replaces_import_id} read other bytes under this name; read as a new file"
        yield from (f"{file.uri}: warning: {warning}" for warning in file.warnings)


def _times(ledger: Ledger) -> Iterator[str]:
    """Yield the first and the last timestamp of all files, if any has one."""
    times = [time for file in ledger.files for time in (file.first_event_at, file.last_event_at) if time]
    if times:
        yield f"timestamps: {min(times, key=datetime.fromisoformat)} to {max(times, key=datetime.fromisoformat)}"


def refusal_message(refusal: Refusal, ledger: Ledger) -> str:
    """Return one line that says why an import is refused, and the ways out."""
    match refusal:
        case MissingMember():
            others = ", ".join(map(quoted, refusal.others[:FIELDS_NAMED]))
            hint = f"; there are {others}" if others else ""
            return (
                f"{refusal.uri}: {quoted(refusal.name)}, which the mapping reads, is in none of "
                f"{counted(refusal.rows, 'row')}{hint}; mend the mapping"
            )
        case TooManyRejected():
            return _too_many_rejected(refusal, ledger)
        case MostlyBefore2000():
            return (
                f"{refusal.uri}: {refusal.before_2000:,} of {refusal.accepted:,} events lie before the year 2000, as if "
                "seconds were taken for milliseconds; set the timestamp's unit in the mapping, or 'oldest' if they are that old"
            )
        case KeyTooShort():
            return (
                f"{refusal.uri}: {refusal.own_corrections:,} of {refusal.rows:,} rows correct another row of the file, so the "
                "idempotencyKey that the mapping makes is too short to tell events apart; add columns to it, or leave it out; "
                'if these are corrections, say corrections = "expected" in the mapping'
            )
        case SharedKeys():
            changed = refusal.corrections
            return (
                f"{changed.rows:,} of {refusal.rows:,} rows correct events that another mapping brought, or that have another "
                f"name, such as {changed.named}, so two sources probably number their events alike; give each a prefix, "
                'as with idempotencyKey = { template = "sms-{id}" }; if these are corrections, say corrections = "expected" in the mapping'
            )


def _too_many_rejected(refusal: TooManyRejected, ledger: Ledger) -> str:
    """Name the worst file above the limit, or all files if all rows of the import are rejected."""
    is_all = refusal.rejected == refusal.rows
    counts, named = (ledger, _files_named(ledger)) if is_all else _worst(refusal.files)
    share = f"{named}: {rejected_share(counts)}"
    ways_out = [] if ledger.import_id is None else [f"see 'usage-import rejects {ledger.import_id}'"]
    if is_all:
        return "; ".join([f"{share}, so nothing is loaded", *_mapping_hint(ledger), *ways_out])
    least = -(-100 * counts.rejected // counts.rows)
    if sum(not file.is_unchanged for file in ledger.files) > 1:
        ways_out.append("leave such files out with --set-aside")
    ways_out.append(f"accept it with --max-rejected {least}%")
    return f"{share}, above the limit of {percent(refusal.limit)}, so nothing is loaded; {', or '.join(ways_out)}"


def _mapping_hint(ledger: Ledger) -> list[str]:
    """Return the way out of a file whose rows have other members than an event, if that is why all are rejected."""
    if set(ledger.rejected_by_reason) != {RejectionCode.MISSING_EVENT_NAME} or not ledger.unknown_fields:
        return []
    names = ", ".join(map(quoted, list(ledger.unknown_fields)[:FIELDS_NAMED]))
    return [f"{names} are no event fields, say what they are with --mapping"]


def nothing_left_message(ledger: Ledger) -> str:
    """Return one line that says that every file that was read is set aside."""
    reasons = [f"{file.uri}: {file.set_aside}" for file in ledger.files if not file.is_unchanged]
    more = f" and {len(reasons) - FILES_NAMED:,} more" if len(reasons) > FILES_NAMED else ""
    return f"every file is set aside, so nothing is loaded: {'; '.join(reasons[:FILES_NAMED])}{more}"


def rejected_share(counts: RowCounts) -> str:
    """Return how many rows are rejected, and why, in words."""
    return f"{counts.rejected:,} of {counts.rows:,} rows rejected ({count_list(counts.rejected_by_reason)})"


def _worst(files: Sequence[FileLedger]) -> tuple[FileLedger, str]:
    """Return the first file, and its name with the number of the others."""
    others = f" (and {counted(len(files) - 1, 'more file')} above the limit)" if len(files) > 1 else ""
    return files[0], f"{files[0].uri}{others}"


def _files_named(ledger: Ledger) -> str:
    """Return the names of the first few files that were read, and the number of the others."""
    read = [file.uri for file in ledger.files if not file.is_unchanged]
    more = f" and {len(read) - FILES_NAMED:,} more" if len(read) > FILES_NAMED else ""
    return ", ".join(read[:FILES_NAMED]) + more
