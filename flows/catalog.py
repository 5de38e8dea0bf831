"""The catalog in the database: a folder applied to it, all or nothing, and what imports and rollups need of it.

Numbers of customers, meters, plans, pricings and contracts are given once and never change. A pricing that a plan no
longer has keeps its row, without meter and interval, so that lines of the past can still name it.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
from sqlalchemy import Connection, text

from flows.catalog_folder import read_folder
from flows.copying import copy_frame
from flows.fetching import read_frame
from flows.provenance import user_name
from schemas.catalog import Customer, Kind, Meter, MeterStatus, Plan, Thing, UsagePricing
from schemas.errors import UsageImportError
from transforms.catalog import (
    CatalogProblem,
    FieldChange,
    Held,
    HeldThing,
    Told,
    ToldThing,
    changes,
    find_dangling,
    find_taken,
    in_order,
    lacking,
    prunable,
    understand,
)
from transforms.days import INSTANT
from transforms.ids import identity
from transforms.meters import MeterRule, meter_rule

ONE_AT_A_TIME: Final = "lock table catalog_versions in share row exclusive mode"

CURRENT_VERSION: Final = "select coalesce(max(catalog_version), 0) from catalog_versions"

WRITE_VERSION: Final = """
    insert into catalog_versions (catalog_version, clock, folder, user_name, reason)
    values (:catalog_version, :clock, :folder, :user_name, :reason)
"""

READ_HELD: Final = {
    Kind.CUSTOMER: "select customer_no, id, external_customer_id from customers",
    Kind.METER: "select meter_no, id from meters",
    Kind.PLAN: """
        select p.plan_no, p.id, array_remove(array_agg(m.id order by g.pricing_no), null)
        from plans p left join pricings g using (plan_no) left join meters m using (meter_no) group by p.plan_no
    """,
    Kind.CONTRACT: """
        select t.contract_no, t.id, c.id, p.id
        from contracts t join customers c using (customer_no) join plans p using (plan_no)
    """,
}

READ_DOCUMENTS: Final = {
    Kind.CUSTOMER: "select id, document::text from customers",
    Kind.METER: "select id, document::text from meters",
    Kind.PLAN: "select id, document::text from plans",
    Kind.CONTRACT: "select id, document::text from contracts",
}

NAMED_BY_USAGE: Final = {
    Kind.CUSTOMER: """
        select customer_no from {events} union select customer_no from superseded
        union select customer_no from folded_usage union select customer_no from usage_lines
    """,
    Kind.METER: "select meter_no from folded_usage union select meter_no from usage_lines",
    Kind.PLAN: "select g.plan_no from usage_lines l join pricings g using (pricing_no)",
    Kind.CONTRACT: """
        select contract_no from {events} where contract_no is not null
        union select contract_no from superseded where contract_no is not null
        union select pin from folded_usage where pin <> 0 union select contract_no from usage_lines
    """,
}
"""What events and usage lines of any time name; `{events}` are the published ones and those that wait."""

WAITING_EVENTS: Final = (
    r"select tablename from pg_tables where schemaname = current_schema() and tablename ~ '^arrivals_[0-9]+$'"
)

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

READ_CUSTOMERS: Final = "select customer_no, id, external_customer_id from customers order by customer_no"
READ_CONTRACTS: Final = "select contract_no, id, customer_no from contracts order by contract_no"
READ_METERS: Final = "select meter_no, inactive_at, document::text from meters order by meter_no"

COLUMNS: Final[dict[str, pl.Schema]] = {
    "customers": pl.Schema(
        {"customer_no": pl.Int32(), "id": pl.String(), "external_customer_id": pl.String()}
    ),
    "contracts": pl.Schema({"contract_no": pl.Int32(), "id": pl.String(), "customer_no": pl.Int32()}),
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

_JSON = msgspec.json.Encoder(decimal_format="number")
_EXACT_JSON = msgspec.json.Decoder(float_hook=Decimal)


class CatalogError(UsageImportError):
    """A catalog with something wrong in it; nothing of it has been loaded."""

    def __init__(self, folder: Path, problems: Sequence[CatalogProblem]) -> None:
        self.problems = tuple(problems)
        first = "; ".join(map(str, self.problems[:3]))
        more = f" and {len(self.problems) - 3:,} more" if len(self.problems) > 3 else ""
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems):,} problems"
        super().__init__(f"{folder}: {count}, nothing loaded: {first}{more}")


@dataclass(frozen=True)
class Changed:
    """A thing that the catalog held otherwise, and the fields that differ."""

    id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class KindChanges:
    """What a catalog did to things of one kind, by id; ``lacking`` is held, not in the folder, and stays."""

    added: tuple[str, ...] = ()
    changed: tuple[Changed, ...] = ()
    unchanged: int = 0
    lacking: tuple[str, ...] = ()
    pruned: tuple[str, ...] = ()


@dataclass(frozen=True)
class CatalogResult:
    """The catalog's version after a folder was applied (0 while there is none), and what the folder did."""

    version: int
    is_new: bool
    kinds: Mapping[Kind, KindChanges]
    warnings: tuple[CatalogProblem, ...]

    @property
    def is_ahead(self) -> bool:
        """Whether there may be lines that were made from an earlier version."""
        return self.is_new and self.version > 1

    def as_json(self) -> dict[str, Any]:
        """The same for machines: JSON values; numbers within changed fields are Decimals."""
        return {
            "catalog_version": self.version,
            "status": "loaded" if self.is_new else "unchanged",
            **{f"{kind}s": _as_json(changes_) for kind, changes_ in self.kinds.items()},
            "warnings": [str(warning) for warning in self.warnings],
        }


@dataclass(frozen=True)
class CatalogFrames:
    """What is held, as frames with one row per thing; the numbers are Int32.

    customers: customer_no, id, external_customer_id. contracts: contract_no, id, customer_no.
    """

    version: int
    customers: pl.DataFrame
    contracts: pl.DataFrame
    rules: tuple[MeterRule, ...]


@dataclass(frozen=True)
class _Difference:
    """What of one kind is new or otherwise, what is gone, and how what is otherwise or gone was told before."""

    added: tuple[str, ...]
    changed: Mapping[str, tuple[FieldChange, ...]]
    pruned: Mapping[str, HeldThing]
    before: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.pruned)


def apply_catalog(
    connection: Connection, folder: Path, *, clock: datetime, prune: bool = False, reason: str | None = None
) -> CatalogResult:
    """Load a folder's catalog within the connection's transaction; an unchanged one makes no new version.

    clock: since when a meter is inactive that does not say so itself. prune: remove what the folder lacks and nothing
    names any more, of the kinds that the folder has a file of. Raises CatalogError with all that is wrong,
    ConfigurationError where there is no catalog.
    """
    with _uncollected():
        return _apply(connection, folder, clock=clock, prune=prune, reason=reason)


def _apply(
    connection: Connection, folder: Path, *, clock: datetime, prune: bool, reason: str | None
) -> CatalogResult:
    said = read_folder(folder)
    told = understand(said.documents)
    connection.execute(text(ONE_AT_A_TIME))
    held = _held(connection)
    in_use = _in_use(connection) if prune else {}
    pruned = prunable(told, held, said.kinds, in_use) if prune else {kind: {} for kind in Kind}
    problems = [
        *said.problems,
        *told.problems,
        *find_dangling(told, held, said.documents),
        *find_taken(told, held, pruned=pruned[Kind.CUSTOMER].keys()),
    ]
    if problems:
        raise CatalogError(folder, in_order(problems))
    differences = {kind: _difference(connection, kind, told, held, pruned[kind]) for kind in Kind}
    version = connection.scalar(text(CURRENT_VERSION)) or 0
    is_new = any(differences.values())
    if is_new:
        version += 1
        details = {
            "catalog_version": version,
            "clock": clock,
            "folder": str(folder),
            "user_name": user_name(),
            "reason": reason,
        }
        connection.execute(text(WRITE_VERSION), details)
        _write(connection, told, _Ids(told, held), differences, version=version, clock=clock)
    left = lacking(told, held, said.kinds)
    kinds = {kind: _told_apart(told, held, left, kind, differences[kind]) for kind in Kind}
    return CatalogResult(version, is_new, kinds, told.warnings)


def catalog_frames(connection: Connection) -> CatalogFrames:
    """The catalog as it is held, for sifting and rolling up."""
    return CatalogFrames(
        version=connection.scalar(text(CURRENT_VERSION)) or 0,
        customers=read_frame(connection, READ_CUSTOMERS, COLUMNS["customers"]),
        contracts=read_frame(connection, READ_CONTRACTS, COLUMNS["contracts"]),
        rules=tuple(
            meter_rule(
                Meter.model_validate(_EXACT_JSON.decode(document)), meter_no=meter_no, inactive_at=inactive_at
            )
            for meter_no, inactive_at, document in connection.execute(text(READ_METERS))
        ),
    )


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage is sought meanwhile: of 200,000 customers it took half the time, and found none."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@dataclass(frozen=True)
class _Ids:
    """How an id is spelled in the tables: as it was first told."""

    told: Told
    held: Held

    def __call__(self, kind: Kind, id_: str) -> str:
        held = self.held[kind].get(identity(id_))
        return self.told.things[kind][identity(id_)].model.id if held is None else held.id


def _held(connection: Connection) -> Held:
    return {
        kind: {identity(row[1]): _held_thing(kind, *row) for row in connection.execute(text(statement))}
        for kind, statement in READ_HELD.items()
    }


def _held_thing(kind: Kind, no: int, id_: str, *rest: Any) -> HeldThing:
    if kind is Kind.CUSTOMER:
        return HeldThing(no, id_, external_customer_id=rest[0])
    if kind is Kind.PLAN:
        return HeldThing(no, id_, names=tuple((Kind.METER, identity(meter)) for meter in rest[0]))
    if kind is Kind.CONTRACT:
        return HeldThing(no, id_, names=((Kind.CUSTOMER, identity(rest[0])), (Kind.PLAN, identity(rest[1]))))
    return HeldThing(no, id_)


def _in_use(connection: Connection) -> dict[Kind, AbstractSet[int]]:
    waiting = connection.scalars(text(WAITING_EVENTS)).all()
    columns = "select customer_no, contract_no from"
    events = (
        "(" + " union all ".join(f"{columns} {table}" for table in ("events", *waiting)) + ") as any_events"
    )
    return {
        kind: frozenset(connection.scalars(text(statement.format(events=events))))
        for kind, statement in NAMED_BY_USAGE.items()
    }


def _difference(
    connection: Connection, kind: Kind, told: Told, held: Held, pruned: Mapping[str, HeldThing]
) -> _Difference:
    things, changed, before = told.things[kind], {}, {}
    for id_, document in connection.execute(text(READ_DOCUMENTS[kind])):
        key = identity(id_)
        fields = changes(kind, _EXACT_JSON.decode(document), things[key]) if key in things else ()
        if fields:
            changed[key] = fields
        if fields or key in pruned:
            before[key] = document
    added = tuple(key for key in things if key not in held[kind])
    return _Difference(added, changed, pruned, before)


def _told_apart(
    told: Told, held: Held, left: Mapping[Kind, Mapping[str, HeldThing]], kind: Kind, difference: _Difference
) -> KindChanges:
    return KindChanges(
        added=tuple(told.things[kind][key].model.id for key in difference.added),
        changed=tuple(
            Changed(held[kind][key].id, difference.changed[key])
            for key in told.things[kind]
            if key in difference.changed
        ),
        unchanged=len(told.things[kind]) - len(difference.added) - len(difference.changed),
        lacking=tuple(thing.id for key, thing in left[kind].items() if key not in difference.pruned),
        pruned=tuple(thing.id for thing in difference.pruned.values()),
    )


def _write(
    connection: Connection,
    told: Told,
    ids: _Ids,
    differences: Mapping[Kind, _Difference],
    *,
    version: int,
    clock: datetime,
) -> None:
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
    ids: _Ids,
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


def _row(model: Thing, ids: _Ids, since: Mapping[str, datetime]) -> tuple[object, ...]:
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
    connection: Connection, written: Sequence[ToldThing], ids: _Ids, *, clock: datetime
) -> dict[str, datetime]:
    """Since when the inactive ones of some meters are so, by identity."""
    meters = [thing.model for thing in written if isinstance(thing.model, Meter)]
    inactive = {ids(Kind.METER, meter.id): meter for meter in meters if meter.status is MeterStatus.INACTIVE}
    seen = {row[0]: row[1] for row in connection.execute(text(INACTIVE_SINCE), {"ids": list(inactive)})}
    return {identity(id_): meter.inactive_at or seen.get(id_, clock) for id_, meter in inactive.items()}


def _write_pricings(connection: Connection, written: Sequence[ToldThing], ids: _Ids) -> None:
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
                    _JSON.encode(content).decode(),
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
    ids: _Ids,
    difference: _Difference,
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
    return _JSON.encode(thing.content).decode()


def _as_json(done: KindChanges) -> dict[str, Any]:
    return {
        "added": list(done.added),
        "changed": [
            {
                "id": changed.id,
                "fields": [
                    {"field": f.field, "before": _plain(f.before), "after": _plain(f.after)}
                    for f in changed.fields
                ],
            }
            for changed in done.changed
        ],
        "unchanged": done.unchanged,
        "lacking": list(done.lacking),
        "pruned": list(done.pruned),
    }


def _plain(value: Any) -> Any:
    """A JSON value that any writer of JSON takes: decimals as text."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    return [_plain(member) for member in value] if isinstance(value, list) else value
