"""Read the existing things that a folder is compared with, and those that usage names."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any, Final

from sqlalchemy import Connection

from flows.catalog.read_catalog import SQL
from flows.database.execute import execute
from schemas.vocabulary import Kind
from transforms.catalog.references import ExistingCatalog, ExistingThing
from transforms.statements import statements
from transforms.values.ids import identity

USAGE_SQL: Final = statements("transforms/catalog/references.sql")

EXISTING: Final = {
    Kind.CUSTOMER: SQL["existing_customers"],
    Kind.METER: SQL["existing_meters"],
    Kind.PLAN: SQL["existing_plans"],
    Kind.CONTRACT: SQL["existing_contracts"],
}

IN_USE: Final = {kind: USAGE_SQL[f"{kind}s_in_use"] for kind in Kind}


def existing_catalog(connection: Connection) -> ExistingCatalog:
    """Read every thing of the database, by kind and identity."""
    return {
        kind: {identity(row[1]): _existing_thing(kind, *row) for row in execute(connection, statement)}
        for kind, statement in EXISTING.items()
    }


def existing_documents(connection: Connection, kind: Kind) -> Iterator[tuple[str, str]]:
    """Read the id and the document, as JSON, of every thing of a kind."""
    rows = execute(connection, SQL["existing_documents"], {"things": f"{kind}s"})
    return ((id_, document) for id_, document in rows)


def things_in_use(connection: Connection) -> dict[Kind, AbstractSet[int]]:
    """Read the numbers of the things that events, published or waiting, and usage lines of any time name."""
    waiting = execute(connection, SQL["waiting_events"]).scalars().all()
    selected = (f"select customer_no, contract_no from {table}" for table in ("events", *waiting))
    events = f"({' union all '.join(selected)}) as any_events"
    return {
        kind: frozenset(execute(connection, statement, {"events": events}).scalars())
        for kind, statement in IN_USE.items()
    }


def _existing_thing(kind: Kind, no: int, id_: str, *rest: Any) -> ExistingThing:
    if kind is Kind.CUSTOMER:
        return ExistingThing(no, id_, external_customer_id=rest[0])
    if kind is Kind.PLAN:
        return ExistingThing(no, id_, references=tuple((Kind.METER, identity(meter)) for meter in rest[0]))
    if kind is Kind.CONTRACT:
        customer, plan = rest
        return ExistingThing(
            no, id_, references=((Kind.CUSTOMER, identity(customer)), (Kind.PLAN, identity(plan)))
        )
    return ExistingThing(no, id_)
