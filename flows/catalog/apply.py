"""Apply a catalog folder to the database, all or nothing.

Numbers of customers, meters, plans, pricings and contracts are given once and never change. A pricing that a plan no
longer has keeps its row, without meter and interval, so that lines of the past can still name it.
"""

import gc
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, text

from flows.catalog.folder import read_folder
from flows.catalog.read_catalog import CURRENT_VERSION, EXACT_JSON
from flows.catalog.result import CatalogResult, Changed, KindChanges
from flows.catalog.write import Difference, Ids, write_things
from flows.history.provenance import user_name
from schemas.errors import UsageImportError
from schemas.vocabulary import Kind
from transforms.catalog.changes import changes
from transforms.catalog.references import Held, HeldThing, find_dangling, find_taken, lacking, prunable
from transforms.catalog.understand import CatalogProblem, Told, in_order, understand
from transforms.values.ids import identity

ONE_AT_A_TIME: Final = "lock table catalog_versions in share row exclusive mode"


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
        union select pinned_contract_no from folded_usage where pinned_contract_no <> 0 union select contract_no from usage_lines
    """,
}
"""What events and usage lines of any time name; `{events}` are the published ones and those that wait."""

WAITING_EVENTS: Final = (
    r"select tablename from pg_tables where schemaname = current_schema() and tablename ~ '^arrivals_[0-9]+$'"
)


class CatalogError(UsageImportError):
    """A catalog with something wrong in it; nothing of it has been loaded."""

    def __init__(self, folder: Path, problems: Sequence[CatalogProblem]) -> None:
        self.problems = tuple(problems)
        first = "; ".join(map(str, self.problems[:3]))
        more = f" and {len(self.problems) - 3:,} more" if len(self.problems) > 3 else ""
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems):,} problems"
        super().__init__(f"{folder}: {count}, nothing loaded: {first}{more}")


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
        write_things(connection, told, Ids(told, held), differences, version=version, clock=clock)
    left = lacking(told, held, said.kinds)
    kinds = {kind: _told_apart(told, held, left, kind, differences[kind]) for kind in Kind}
    return CatalogResult(version, is_new, kinds, told.warnings)


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
) -> Difference:
    things, changed, before = told.things[kind], {}, {}
    for id_, document in connection.execute(text(READ_DOCUMENTS[kind])):
        key = identity(id_)
        fields = changes(kind, EXACT_JSON.decode(document), things[key]) if key in things else ()
        if fields:
            changed[key] = fields
        if fields or key in pruned:
            before[key] = document
    added = tuple(key for key in things if key not in held[kind])
    return Difference(added, changed, pruned, before)


def _told_apart(
    told: Told, held: Held, left: Mapping[Kind, Mapping[str, HeldThing]], kind: Kind, difference: Difference
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
