"""Write the artifacts of an import on the page of its flow run: the ledger, the rejections, the usage that changed."""

from typing import Final

from sqlalchemy import Connection, Engine

from flows.database.session import place_of
from flows.history.rejections import group_rejections
from flows.history.runs import import_seconds, show_import
from flows.output.markdown import ledger_page, rejections_page, usage_page
from flows.usage.changes import largest_changes
from schemas.ledger import Ledger

CHANGES_SHOWN: Final = 20


def keep_artifacts(engine: Engine, ledger: Ledger) -> list[str]:
    """Write the artifacts of an import on the page of the run that calls this, and return their keys.

    Keys: `import-7-ledger`, `import-7-rejections` if rows were set aside, `import-7-usage` if lines changed.
    """
    from prefect.artifacts import create_markdown_artifact

    with engine.connect() as connection:
        written = artifacts_of(connection, ledger)
    for key, (description, markdown) in written.items():
        create_markdown_artifact(key=key, description=description, markdown=markdown)
    return list(written)


def artifacts_of(connection: Connection, ledger: Ledger) -> dict[str, tuple[str, str]]:
    """Return the artifacts of an import by key, each with its description and its markdown."""
    import_id = ledger.import_id or 0
    rejections = group_rejections(connection, import_id) if ledger.rejected else []
    changes = largest_changes(connection, import_id, limit=CHANGES_SHOWN)
    seconds = import_seconds(connection, import_id)
    provenance = show_import(connection, import_id)
    written = {
        "ledger": (
            "What became of every row",
            ledger_page(ledger, provenance | {"database": place_of(connection)}, seconds=seconds),
        )
    }
    if rejections:
        written["rejections"] = ("Rows set aside, by reason", rejections_page(ledger, rejections))
    if changes:
        written["usage"] = ("Usage lines that changed", usage_page(ledger, changes))
    return {f"import-{import_id}-{name}": page for name, page in written.items()}
