"""Write the customers, meters, plans and contracts of a catalog that are new or have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import polars as pl
from sqlalchemy import Connection, Table

from flows.database.copy import copy_frame
from flows.database.execute import execute
from schemas.documents.catalog import Contract, Customer, Meter, Plan, Thing, UsagePricing
from schemas.frames.catalog import CATALOG_CHANGES, PRICINGS_TO_WRITE, THINGS_TO_WRITE
from schemas.tables.catalog import catalog_changes
from schemas.tables.working import (
    contracts_to_write,
    customers_to_write,
    meters_to_write,
    plans_to_write,
    pricings_to_write,
)
from schemas.vocabulary import Kind, MeterStatus
from transforms.catalog.changes import Difference
from transforms.catalog.references import ExistingCatalog
from transforms.catalog.understand import FolderCatalog, FolderThing
from transforms.statements import statements
from transforms.values.ids import identity
from transforms.values.json import encode_exact

SQL: Final = statements("flows/catalog/write.sql")
CHANGES_SQL: Final = statements("transforms/catalog/changes.sql")

TABLES: Final = {
    Kind.CUSTOMER: customers_to_write,
    Kind.METER: meters_to_write,
    Kind.PLAN: plans_to_write,
    Kind.CONTRACT: contracts_to_write,
}

PRUNED_IN_ORDER: Final = (Kind.CONTRACT, Kind.PLAN, Kind.METER, Kind.CUSTOMER)
"""Each kind before those that it refers to."""


@dataclass(frozen=True)
class StoredIds:
    """The spelling of an id in the tables: that of the first catalog that defined it."""

    folder: FolderCatalog
    existing: ExistingCatalog

    def __call__(self, kind: Kind, id_: str) -> str:
        """Return an id as the tables spell it."""
        key = identity(id_)
        known = self.existing[kind].get(key)
        return self.folder.things[kind][key].model.id if known is None else known.id


def write_things(
    connection: Connection,
    folder: FolderCatalog,
    existing: ExistingCatalog,
    differences: Mapping[Kind, Difference],
    *,
    version: int,
    clock: datetime,
) -> None:
    """Write the things that are new or have changed, and remove those that are pruned."""
    ids = StoredIds(folder, existing)
    pruned = {
        kind: [thing.no for thing in difference.pruned.values()] for kind, difference in differences.items()
    }
    execute(connection, SQL["release_pruned_external_ids"], numbers=pruned[Kind.CUSTOMER])
    for kind, difference in differences.items():
        things = [
            thing
            for key, thing in folder.things[kind].items()
            if key in difference.changed or key not in existing[kind]
        ]
        if things:
            _stage_things(connection, kind, things, ids, clock=clock)
            _write_kind(connection, kind, things, ids, version=version)
        _write_changes(connection, kind, things, ids, difference, version=version)
    for kind in PRUNED_IN_ORDER:
        if pruned[kind]:
            names = {"things": f"{kind}s", "number": f"{kind}_no"}
            execute(connection, SQL["prune"], names, numbers=pruned[kind])


def _stage_things(
    connection: Connection, kind: Kind, things: Sequence[FolderThing], ids: StoredIds, *, clock: datetime
) -> None:
    """Copy the things of a kind into its working table."""
    since = _inactive_since(connection, things, ids, clock=clock) if kind is Kind.METER else {}
    rows = [
        (place, *_columns(thing.model, ids, since), encode_exact(thing.content))
        for place, thing in enumerate(things)
    ]
    _stage(connection, TABLES[kind], rows, THINGS_TO_WRITE[kind])


def _stage(
    connection: Connection, table: Table, rows: Sequence[tuple[object, ...]], schema: pl.Schema
) -> None:
    table.create(connection, checkfirst=False)
    copy_frame(connection, table.name, pl.DataFrame(rows, schema=schema, orient="row"), jsonb=("document",))


def _write_kind(
    connection: Connection, kind: Kind, things: Sequence[FolderThing], ids: StoredIds, *, version: int
) -> None:
    """Write the things of a kind from its working table; a plan with its pricings."""
    if kind is Kind.CUSTOMER:
        execute(connection, SQL["release_external_ids"])
    execute(connection, SQL[f"write_{kind}s"], catalog_version=version)
    if kind is Kind.PLAN:
        _write_pricings(connection, [(thing.model, thing.content) for thing in things], ids)


def _columns(model: Thing, ids: StoredIds, since: Mapping[str, datetime]) -> tuple[object, ...]:
    """Return the columns of a thing's frame between its place and its document."""
    match model:
        case Customer():
            return ids(Kind.CUSTOMER, model.id), model.external_customer_id
        case Meter():
            aggregation = model.aggregation_type.value
            inactive_at = since.get(identity(model.id))
            return ids(Kind.METER, model.id), model.code, aggregation, model.is_supported, inactive_at
        case Plan():
            return (ids(Kind.PLAN, model.id),)
        case Contract():
            return (
                ids(Kind.CONTRACT, model.id),
                ids(Kind.CUSTOMER, model.customer_id),
                ids(Kind.PLAN, model.plan_id),
                model.start_date,
                model.end_date,
                model.billing_cycle_anchor,
            )


def _inactive_since(
    connection: Connection, things: Sequence[FolderThing], ids: StoredIds, *, clock: datetime
) -> dict[str, datetime]:
    """Return since when each inactive meter is inactive, by identity."""
    meters = [thing.model for thing in things if isinstance(thing.model, Meter)]
    inactive = {ids(Kind.METER, meter.id): meter for meter in meters if meter.status is MeterStatus.INACTIVE}
    rows = execute(connection, CHANGES_SQL["inactive_since"], ids=list(inactive))
    seen = dict(rows.tuples().all())
    return {identity(id_): meter.inactive_at or seen.get(id_, clock) for id_, meter in inactive.items()}


def _write_pricings(
    connection: Connection, plans: Sequence[tuple[Thing, Mapping[str, Any]]], ids: StoredIds
) -> None:
    stored = {(plan, identity(id_)): id_ for plan, id_ in execute(connection, SQL["read_pricing_ids"])}
    rows: list[tuple[object, ...]] = []
    for model, content in plans:
        if not isinstance(model, Plan):
            continue
        plan_id = ids(Kind.PLAN, model.id)
        for pricing, document in zip(model.pricing, content.get("pricing") or (), strict=True):
            pricing_id = stored.get((plan_id, identity(pricing.id)), pricing.id)
            usage = pricing if isinstance(pricing, UsagePricing) else None
            rows.append(
                (
                    len(rows),
                    plan_id,
                    pricing_id,
                    pricing.model,
                    ids(Kind.METER, usage.meter_id) if usage else None,
                    usage.price_interval.value if usage else None,
                    usage.price_interval_count if usage else None,
                    encode_exact(document),
                )
            )
    _stage(connection, pricings_to_write, rows, PRICINGS_TO_WRITE)
    execute(connection, SQL["retire_pricings"])
    execute(connection, SQL["write_pricings"])


def _write_changes(
    connection: Connection,
    kind: Kind,
    things: Sequence[FolderThing],
    ids: StoredIds,
    difference: Difference,
    *,
    version: int,
) -> None:
    rows: list[tuple[object, ...]] = [
        (
            version,
            kind.value,
            ids(kind, thing.model.id),
            difference.before.get(identity(thing.model.id)),
            encode_exact(thing.content),
        )
        for thing in things
    ]
    rows += [
        (version, kind.value, thing.id, difference.before[key], None)
        for key, thing in difference.pruned.items()
    ]
    frame = pl.DataFrame(rows, schema=CATALOG_CHANGES, orient="row")
    copy_frame(connection, catalog_changes.name, frame, jsonb=("before", "after"))
