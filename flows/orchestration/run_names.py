"""Name flow runs and their ends: the name of a run, and the last line of an import."""

from datetime import UTC, datetime
from typing import Final

from prefect.runtime import flow_run

from flows.output.wording import COUNTED_ROWS, counted, effect_line
from schemas.ledger import Ledger
from schemas.vocabulary import ImportStatus
from transforms.values.credentials import without_credentials
from transforms.values.text import visible

NAME_LENGTH: Final = 160

SOURCES_NAMED: Final = 3


def run_name() -> str:
    """Return the name of the current flow run: its sources and its day."""
    parameters = flow_run.parameters
    sources = [without_credentials(str(source)) for source in parameters.get("sources") or ()]
    named = " ".join(sources[:SOURCES_NAMED])
    more = f" and {len(sources) - SOURCES_NAMED:,} more" if len(sources) > SOURCES_NAMED else ""
    clock = parameters.get("clock") or datetime.now(UTC)
    return f"{short(named)}{more} {str(clock)[:10]}".strip()


def short(text: str) -> str:
    """Return a name as pages show it: without control characters, and only the end of one that is too long."""
    shown = visible(text)
    return shown if len(shown) <= NAME_LENGTH else "…" + shown[-NAME_LENGTH:]


def canonical_line(ledger: Ledger) -> str:
    """Return one line about the end of an import: its status, rows, outcomes and changed lines."""
    if ledger.status == ImportStatus.UNCHANGED:
        return f"unchanged: all files are known since import {ledger.import_id}"
    numbers = {name: getattr(ledger, name) for name in COUNTED_ROWS[1:]}
    outcomes = ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number)
    read = sum(not file.is_unchanged for file in ledger.files)
    return (
        f"import {ledger.import_id} {ledger.status}: {counted(ledger.rows, 'row')} of {counted(read, 'file')}"
        f"{' (' + outcomes + ')' if outcomes else ''}, {effect_line(ledger)}"
    )
