"""Define the commands about the catalog and the settings: catalog, rollup, settings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import Clock, Json, Reason, Wait, database, parse_instant


def catalog_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with customers.*, meters.*, plans.*, contracts.*.")
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove things that the folder lacks and nothing refers to.")
    ] = False,
    clock: Clock = None,
    reason: Reason = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Load customers, meters, plans and contracts: all or nothing; show what changed."""
    from flows.catalog.apply import load_catalog
    from flows.output.catalog import report_catalog
    from flows.output.progress_bar import import_progress

    read_at = parse_instant(clock) if clock is not None else datetime.now(UTC)
    with database() as engine, import_progress() as display:
        applied = load_catalog(
            engine, folder, prune=prune, clock=read_at, reason=reason, wait=wait, waiting=display.waiting
        )
    report_catalog(applied, as_json=as_json)


def rollup(clock: Clock = None, reason: Reason = None, wait: Wait = False, as_json: Json = False) -> None:
    """Recompute lines after a catalog or setting has changed."""
    from flows.imports.recompute import run_rollup
    from flows.output.imports import report_rollup
    from flows.output.progress_bar import import_progress

    read_at = parse_instant(clock) if clock is not None else None
    with database() as engine, import_progress() as display:
        ledger = run_rollup(engine, clock=read_at, reason=reason, wait=wait, display=display)
    report_rollup(ledger, as_json=as_json)


def settings(
    name: Annotated[str | None, typer.Argument(metavar="NAME")] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE")] = None,
    as_json: Json = False,
) -> None:
    """Show the settings that change numbers, or change one of them."""
    from flows.catalog.settings import change_setting, read_settings, setting_named
    from flows.output.catalog import report_settings
    from flows.output.table import say

    with database() as engine, engine.begin() as connection:
        if name is not None and value is not None:
            change_setting(connection, setting_named(name), value)
            say("it holds from the next import on; 'usage-import rollup' recomputes the lines now")
        values = read_settings(connection)
        report_settings(
            values if name is None else {setting_named(name): values[setting_named(name)]}, as_json=as_json
        )
