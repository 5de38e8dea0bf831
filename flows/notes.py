"""Notes: what is no error of an import and yet may be a mistake in its export or mapping; the same wherever it is read."""

from collections.abc import Iterator, Mapping

from schemas.ledger import Ledger


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
