"""Fold usage into lines, and write a revision of each line that changed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, text

from flows.database.exclusive import filling
from flows.database.execute import execute
from flows.database.unlogged import create_as, drop_scratch
from flows.usage.extent import Extent
from schemas.ledger import LineChanges
from schemas.tables.usage import usage_lines
from transforms.statements import statements

RULES: Final = statements("transforms/usage/lines.sql")
SQL: Final = statements("flows/usage/lines.sql")

SLICES: Final = 8
"""Slices of customers into which the lines of everyone are divided, each folded by one process."""


@dataclass(frozen=True)
class Publication:
    """A publish: its import, its number, and the greatest clock of any publish so far."""

    import_id: int
    publish_no: int
    clock: datetime


def write_lines(connection: Connection, publication: Publication, extent: Extent) -> LineChanges:
    """Recompute the lines around the changed usage, or all lines, and write those that changed; count them.

    Reads the tables of :func:`flows.usage.contract_times.lay_out_contracts` and of :func:`flows.usage.rollup.roll_up`.
    """
    is_everything = extent is Extent.EVERYTHING
    execute(connection, RULES["change_all_ranges" if is_everything else "find_changed_ranges"])
    connection.execute(text("analyze changed_ranges"))
    execute(connection, RULES["find_periods_to_recompute"])
    connection.execute(text("analyze periods_to_recompute"))
    execute(connection, RULES["find_pricings_to_recompute"], {"slices": str(SLICES)})
    connection.execute(text("analyze pricings_to_recompute"))
    _fold(connection, slices=1 if extent is Extent.ARRIVED else SLICES)
    connection.execute(text("analyze recomputed_lines"))
    if execute(connection, SQL["has_no_line"]).scalar_one():
        changes = _write_first(connection, publication)
    else:
        changes = _revise(connection, publication)
    connection.execute(text("analyze usage_lines"))
    drop_scratch(connection, "periods_to_recompute", "pricings_to_recompute", "recomputed_lines")
    return changes


def _fold(connection: Connection, *, slices: int) -> None:
    """Fold usage into ``recomputed_lines``, all at once or slice by slice."""
    conditions = ["true"] if slices == 1 else [f"r.slice = {n}" for n in range(slices)]
    parts = [RULES["fold_lines"].fill(of_slice=condition) for condition in conditions]
    create_as(connection, "recomputed_lines", text(" union all ".join(parts)), is_parted=slices > 1)


def _write_first(connection: Connection, publication: Publication) -> LineChanges:
    """Write all recomputed lines into the empty table, and count them."""
    with filling(connection, usage_lines):
        _write(connection, "write_first_lines", publication)
    return _count(connection, "count_first_lines", publication)


def _revise(connection: Connection, publication: Publication) -> LineChanges:
    """Write a revision of each recomputed line that differs from its current one, and count them."""
    execute(connection, RULES["fold_lines_without_events"], clock=publication.clock)
    execute(connection, RULES["find_changed_lines"])
    connection.execute(text("analyze changed_lines"))
    execute(connection, SQL["replace_lines"], publish_no=publication.publish_no)
    _write(connection, "write_changed_lines", publication)
    return _count(connection, "count_changed_lines", publication)


def _write(connection: Connection, statement: str, publication: Publication) -> None:
    execute(connection, SQL[statement], import_id=publication.import_id, publish_no=publication.publish_no)


def _count(connection: Connection, statement: str, publication: Publication) -> LineChanges:
    counted = execute(connection, RULES[statement], clock=publication.clock).mappings().one()
    return LineChanges(**counted)
