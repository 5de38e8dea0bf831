"""Sentences that more than one room prints: notes about an import, and why one is refused."""

from collections.abc import Iterator, Mapping

from schemas.ledger import Ledger
from transforms.imports.acceptance import KeyTooShort, MostlyBefore2000, Refusal, TooManyRejected

FILES_NAMED = 3


def notes_of(ledger: Ledger) -> Iterator[str]:
    """A line each, of the whole import first and then of its files."""
    if ledger.unknown_fields:
        yield f"unknown fields: {counts_told(ledger.unknown_fields)}"
    if ledger.duplicates_without_key:
        yield f"duplicates without a key: {ledger.duplicates_without_key:,}"
    if ledger.defaulted_timestamps:
        yield f"timestamps that were missing and are now the import's clock: {ledger.defaulted_timestamps:,}"
    if ledger.doubled_local_times:
        yield f"local times that occur twice, taken as the earlier: {ledger.doubled_local_times:,}"
    if ledger.before_2000:
        yield f"events before the year 2000: {ledger.before_2000:,}"
    for file in ledger.files:
        if not file.rows and not file.is_unchanged:
            yield f"{file.uri}: there is no row in it"
        if file.replaces_import_id is not None:
            yield f"{file.uri}: import {file.replaces_import_id} read other bytes under this name; read as a new file"
        yield from (f"{file.uri}: warning: {warning}" for warning in file.warnings)


def counts_told(counts: Mapping[str, int]) -> str:
    """Names with their counts, the greatest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count:,}" for name, count in ordered)


def refusal_message(refusal: Refusal, ledger: Ledger) -> str:
    """Return one line that says why an import does not count, and the ways out."""
    match refusal:
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
                "template of idempotencyKey is too short to tell events apart; add columns to it, or leave it out"
            )


def _too_many_rejected(refusal: TooManyRejected, ledger: Ledger) -> str:
    counts = counts_told(ledger.rejected_by_reason)
    share = f"{_files_named(ledger)}: {refusal.rejected:,} of {refusal.rows:,} rows rejected ({counts})"
    ways_out = [] if ledger.import_id is None else [f"see 'usage-import rejects {ledger.import_id}'"]
    if refusal.rejected == refusal.rows:
        return "; ".join([f"{share}, so nothing is loaded", *ways_out])
    ways_out.append(f"accept it with --max-rejected {-(-100 * refusal.rejected // refusal.rows)}%")
    limit = f"{(refusal.limit * 100).normalize():f} %"
    return f"{share}, above the limit of {limit}, so nothing is loaded; {', or '.join(ways_out)}"


def _files_named(ledger: Ledger) -> str:
    """Name the first few files that were read."""
    read = [file.uri for file in ledger.files if not file.is_unchanged]
    more = f" and {len(read) - FILES_NAMED:,} more" if len(read) > FILES_NAMED else ""
    return ", ".join(read[:FILES_NAMED]) + more
