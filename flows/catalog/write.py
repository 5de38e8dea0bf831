"""Write the customers, meters, plans and contracts of a catalog that are new or have changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
import polars as pl
from sqlalchemy import Connection, text

from flows.database.copy import copy_frame
from schemas.documents.catalog import Customer, Meter, Plan, Thing, UsagePricing
from schemas.vocabulary import Kind, MeterStatus
from transforms.catalog.changes import FieldChange
from transforms.catalog.references import Held, HeldThing
from transforms.catalog.understand import Told, ToldThing
from transforms.values.days import INSTANT
from transforms.values.ids import identity

INACTIVE_SINCE: Final = """
    select distinct on (c.id) c.id, v.clock
    from catalog_changes c join catalog_versions v using (catalog_version)
    where c.kind = 'meter' and c.id = any(:ids) and c.after ->> 'status' = 'inactive' and not exists (
        select from catalog_changes later
        where later.kind = c.kind and later.id = c.id and later.catalog_version > c.catalog_version
          and later.after ->> 'status' is distinct from 'inactive'
    )
    order by c.id, c.catalog_version
"""
"""The clock at which a meter that is inactive was first seen so, since it was last active."""

CREATE_TOLD: Final = {
    Kind.CUSTOMER: "create temporary table told_customers (place int, id text, external_customer_id text, document jsonb) on commit drop",
    Kind.METER: """
        create temporary table told_meters (
            place int, id text, code text, aggregation text, is_supported boolean, inactive_at timestamptz, document jsonb
        ) on commit drop
    """,
    Kind.PLAN: "create temporary table told_plans (place int, id text, document jsonb) on commit drop",
    Kind.CONTRACT: """
        create temporary table told_contracts (
            place int, id text, customer_id text, plan_id text, start_on date, end_on date, anchor text, document jsonb
        ) on commit drop
    """,
}

FREE_EXTERNAL_IDS: Final = """
    update customers c set external_customer_id = null from told_customers t
    where t.id = c.id and c.external_customer_id is distinct from t.external_customer_id
"""
"""Before any is given: two customers may have exchanged theirs."""

WRITE_CUSTOMERS: Final = """
    insert into customers (id, external_customer_id, document, catalog_version)
    select id, external_customer_id, document, :catalog_version from told_customers order by place
    on conflict (id) do update set external_customer_id = excluded.external_customer_id,
        document = excluded.document, catalog_version = excluded.catalog_version
"""

WRITE_METERS: Final = """
    insert into meters (id, code, aggregation, is_supported, inactive_at, document, catalog_version)
    select id, code, aggregation, is_supported, inactive_at, document, :catalog_version from told_meters order by place
    on conflict (id) do update set code = excluded.code, aggregation = excluded.aggregation,
        is_supported = excluded.is_supported, inactive_at = excluded.inactive_at,
        document = excluded.document, catalog_version = excluded.catalog_version
"""

WRITE_PLANS: Final = """
    insert into plans (id, document, catalog_version)
    select id, document, :catalog_version from told_plans order by place
    on conflict (id) do update set document = excluded.document, catalog_version = excluded.catalog_version
"""

WRITE_CONTRACTS: Final = """
    insert into contracts (id, customer_no, plan_no, start_on, end_on, anchor, document, catalog_version)
    select t.id, c.customer_no, p.plan_no, t.start_on, t.end_on, t.anchor, t.document, :catalog_version
    from told_contracts t join customers c on c.id = t.customer_id join plans p on p.id = t.plan_id
    order by t.place
    on conflict (id) do update set customer_no = excluded.customer_no, plan_no = excluded.plan_no,
        start_on = excluded.start_on, end_on = excluded.end_on, anchor = excluded.anchor,
        document = excluded.document, catalog_version = excluded.catalog_version
"""

CREATE_TOLD_PRICINGS: Final = """
    create temporary table told_pricings (
        place int, plan_id text, id text, model text, meter_id text, "interval" text, interval_count int, document jsonb
    ) on commit drop
"""

READ_PRICING_IDS: Final = "select p.id, g.id from pricings g join plans p using (plan_no)"

RETIRE_PRICINGS: Final = """
    update pricings g set meter_no = null, "interval" = null, interval_count = null
    from plans p join told_plans t on t.id = p.id
    where g.plan_no = p.plan_no and not exists (select from told_pricings s where s.plan_id = p.id and s.id = g.id)
"""

WRITE_PRICINGS: Final = """
    insert into pricings (plan_no, id, model, meter_no, "interval", interval_count, document)
    select p.plan_no, t.id, t.model, m.meter_no, t."interval", t.interval_count, t.document
    from told_pricings t join plans p on p.id = t.plan_id left join meters m on m.id = t.meter_id
    order by t.place
    on conflict (plan_no, id) do update set model = excluded.model, meter_no = excluded.meter_no,
        "interval" = excluded."interval", interval_count = excluded.interval_count, document = excluded.document
"""

PRUNE: Final = {
    Kind.CONTRACT: "delete from contracts where contract_no = any(:numbers)",
    Kind.PLAN: "delete from plans where plan_no = any(:numbers)",
    Kind.METER: "delete from meters where meter_no = any(:numbers)",
    Kind.CUSTOMER: "delete from customers where customer_no = any(:numbers)",
}

FREE_PRUNED: Final = "update customers set external_customer_id = null where customer_no = any(:numbers)"

WRITE_KINDS: Final = {
    Kind.CUSTOMER: (FREE_EXTERNAL_IDS, WRITE_CUSTOMERS),
    Kind.METER: (WRITE_METERS,),
    Kind.PLAN: (WRITE_PLANS,),
    Kind.CONTRACT: (WRITE_CONTRACTS,),
}


TOLD_COLUMNS: Final[dict[Kind, pl.Schema]] = {
    Kind.CUSTOMER: pl.Schema({"id": pl.String(), "external_customer_id": pl.String()}),
    Kind.METER: pl.Schema(
        {
            "id": pl.String(),
            "code": pl.String(),
            "aggregation": pl.String(),
            "is_supported": pl.Boolean(),
            "inactive_at": INSTANT,
        }
    ),
    Kind.PLAN: pl.Schema({"id": pl.String()}),
    Kind.CONTRACT: pl.Schema(
        {
            "id": pl.String(),
            "customer_id": pl.String(),
            "plan_id": pl.String(),
            "start_on": pl.Date(),
            "end_on": pl.Date(),
            "anchor": pl.String(),
        }
    ),
}

TOLD_PRICING_COLUMNS: Final = pl.Schema(
    {
        "plan_id": pl.String(),
        "id": pl.String(),
        "model": pl.String(),
        "meter_id": pl.String(),
        "interval": pl.String(),
        "interval_count": pl.Int32(),
        "document": pl.String(),
    }
)

CHANGE_COLUMNS: Final = pl.Schema(
    {
        "catalog_version": pl.Int32(),
        "kind": pl.String(),
        "id": pl.String(),
        "before": pl.String(),
        "after": pl.String(),
    }
)

JSON = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Difference:
    """What of one kind is new or otherwise, what is gone, and how what is otherwise or gone was told before."""

    added: tuple[str, ...]
    changed: Mapping[str, tuple[FieldChange, ...]]
    pruned: Mapping[str, HeldThing]
    before: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.pruned)


@dataclass(frozen=True)
class Ids:
    """How an id is spelled in the tables: as it was first told."""

    told: Told
    held: Held

    def __call__(self, kind: Kind, id_: str) -> str:
        """Return the id as the tables spell it."""
        held = self.held[kind].get(identity(id_))
        return self.told.things[kind][identity(id_)].model.id if held is None else held.id


def write_things(
    connection: Connection,
    told: Told,
    ids: Ids,
    differences: Mapping[Kind, Difference],
    *,
    version: int,
    clock: datetime,
) -> None:
    """Write what is new or has changed, and remove what is pruned."""
    connection.execute(
        text(FREE_PRUNED), {"numbers": [t.no for t in differences[Kind.CUSTOMER].pruned.values()]}
    )
    for kind, difference in differences.items():
        written = [
            thing
            for key, thing in told.things[kind].items()
            if key in difference.changed or key not in ids.held[kind]
        ]
        if written:
            _write_kind(connection, kind, written, ids, version=version, clock=clock)
        _write_changes(connection, kind, written, ids, difference, version=version)
    for kind, statement in PRUNE.items():
        numbers = [thing.no for thing in differences[kind].pruned.values()]
        if numbers:
            connection.execute(text(statement), {"numbers": numbers})


def _write_kind(
    connection: Connection,
    kind: Kind,
    written: Sequence[ToldThing],
    ids: Ids,
    *,
    version: int,
    clock: datetime,
) -> None:
    since = _inactive_since(connection, written, ids, clock=clock) if kind is Kind.METER else {}
    rows = [_row(thing.model, ids, since) for thing in written]
    told = pl.DataFrame(rows, schema=TOLD_COLUMNS[kind], orient="row").with_columns(
        pl.Series("document", map(_document, written), dtype=pl.String)
    )
    connection.execute(text(CREATE_TOLD[kind]))
    copy_frame(
        connection,
        f"told_{kind}s",
        told.with_row_index("place").cast({"place": pl.Int32}),
        jsonb=("document",),
    )
    for statement in WRITE_KINDS[kind]:
        connection.execute(
            text(statement), {"catalog_version": version} if ":catalog_version" in statement else {}
        )
    if kind is Kind.PLAN:
        _write_pricings(connection, written, ids)


def _row(model: Thing, ids: Ids, since: Mapping[str, datetime]) -> tuple[object, ...]:
    """The columns of ``TOLD_COLUMNS`` of a thing."""
    if isinstance(model, Customer):
        return ids(Kind.CUSTOMER, model.id), model.external_customer_id
    if isinstance(model, Meter):
        told = model.code, model.aggregation_type.value, model.is_supported
        return ids(Kind.METER, model.id), *told, since.get(identity(model.id))
    if isinstance(model, Plan):
        return (ids(Kind.PLAN, model.id),)
    return (
        ids(Kind.CONTRACT, model.id),
        ids(Kind.CUSTOMER, model.customer_id),
        ids(Kind.PLAN, model.plan_id),
        model.start_date,
        model.end_date,
        model.billing_cycle_anchor,
    )


def _inactive_since(
    connection: Connection, written: Sequence[ToldThing], ids: Ids, *, clock: datetime
) -> dict[str, datetime]:
    """Since when the inactive ones of some meters are so, by identity."""
    meters = [thing.model for thing in written if isinstance(thing.model, Meter)]
    inactive = {ids(Kind.METER, meter.id): meter for meter in meters if meter.status is MeterStatus.INACTIVE}
    seen = {row[0]: row[1] for row in connection.execute(text(INACTIVE_SINCE), {"ids": list(inactive)})}
    return {identity(id_): meter.inactive_at or seen.get(id_, clock) for id_, meter in inactive.items()}


def _write_pricings(connection: Connection, written: Sequence[ToldThing], ids: Ids) -> None:
    plans = [(ids(Kind.PLAN, thing.model.id), thing) for thing in written]
    spelled = {(plan, identity(id_)): id_ for plan, id_ in connection.execute(text(READ_PRICING_IDS))}
    rows = []
    for plan_id, thing in plans:
        model = thing.model
        for pricing, content in zip(model.pricing, thing.content.get("pricing") or (), strict=True):  # type: ignore[union-attr]
            usage = pricing if isinstance(pricing, UsagePricing) else None
            rows.append(
                (
                    plan_id,
                    spelled.get((plan_id, identity(pricing.id)), pricing.id),
                    pricing.model,
                    ids(Kind.METER, usage.meter_id) if usage else None,
                    usage.price_interval.value if usage else None,
                    usage.price_interval_count if usage else None,
                    JSON.encode(content).decode(),
                )
            )
    told = pl.DataFrame(rows, schema=TOLD_PRICING_COLUMNS, orient="row").with_row_index("place")
    connection.execute(text(CREATE_TOLD_PRICINGS))
    copy_frame(connection, "told_pricings", told.cast({"place": pl.Int32}), jsonb=("document",))
    connection.execute(text(RETIRE_PRICINGS))
    connection.execute(text(WRITE_PRICINGS))


def _write_changes(
    connection: Connection,
    kind: Kind,
    written: Sequence[ToldThing],
    ids: Ids,
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
            _document(thing),
        )
        for thing in written
    ]
    rows += [
        (version, kind.value, thing.id, difference.before[key], None)
        for key, thing in difference.pruned.items()
    ]
    told = pl.DataFrame(rows, schema=CHANGE_COLUMNS, orient="row")
    copy_frame(connection, "catalog_changes", told, jsonb=("before", "after"))


def _document(thing: ToldThing) -> str:
    return JSON.encode(thing.content).decode()
