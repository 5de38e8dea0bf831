"""Define the commands about the catalog and the settings: catalog, rollup, settings."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.arguments import (
    AllowWithdrawn,
    Clock,
    Future,
    Json,
    Reason,
    Wait,
    database,
    parse_clock,
    reading,
)


def catalog_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder with customers.*, meters.*, plans.*, contracts.*.")
    ],
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove things that the folder lacks and nothing refers to.")
    ] = False,
    clock: Clock = None,
    is_future: Future = False,
    reason: Reason = None,
    allow_withdrawn: AllowWithdrawn = False,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Load customers, meters, plans and contracts, and publish the lines that follow: all or nothing; show what changed."""
    from flows.imports.load_catalog import load_catalog
    from flows.output.catalog import report_catalog
    from flows.output.progress_bar import import_progress

    read_at = parse_clock(clock, is_future=is_future) or datetime.now(UTC)
    with database() as engine, import_progress() as display:
        loaded = load_catalog(
            engine,
            folder,
            prune=prune,
            clock=read_at,
            reason=reason,
            allow_withdrawn=allow_withdrawn,
            wait=wait,
            display=display,
        )
    report_catalog(loaded, as_json=as_json)


def rollup(
    clock: Clock = None,
    is_future: Future = False,
    reason: Reason = None,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Move the clock to now, and publish the lines: periods that are over become due."""
    from flows.imports.recompute import run_rollup
    from flows.output.imports import report_rollup
    from flows.output.progress_bar import import_progress

    read_at = parse_clock(clock, is_future=is_future)
    with database(is_made=False) as engine, import_progress() as display:
        ledger = run_rollup(engine, clock=read_at, reason=reason, wait=wait, display=display)
    report_rollup(ledger, as_json=as_json)


def settings(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The setting; all are shown if none is named.")
    ] = None,
    value: Annotated[str | None, typer.Argument(metavar="VALUE", help="Its new value.")] = None,
    reason: Reason = None,
    allow_withdrawn: AllowWithdrawn = False,
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Show the settings that change numbers, or change one of them and publish the lines that follow."""
    from flows.catalog.settings import read_settings, setting_named
    from flows.output.catalog import report_setting_change, report_settings
    from flows.output.progress_bar import import_progress

    setting = None if name is None else setting_named(name)
    if setting is None or value is None:
        with reading() as connection:
            values = read_settings(connection)
        report_settings(values if setting is None else {setting: values[setting]}, as_json=as_json)
        return
    from flows.imports.recompute import run_setting_change

    with database() as engine, import_progress() as display:
        ledger = run_setting_change(
            engine, setting, value, reason=reason, allow_withdrawn=allow_withdrawn, wait=wait, display=display
        )
    report_setting_change(setting, value, ledger, as_json=as_json)
