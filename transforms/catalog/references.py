"""Check the references of a catalog against the folder and the database together."""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from schemas.documents.catalog import USAGE, Customer
from schemas.vocabulary import Kind
from transforms.catalog.understand import CatalogProblem, Document, Told, quoted
from transforms.values.ids import identity


@dataclass(frozen=True, slots=True)
class HeldThing:
    """A thing in the database: its number and id, and which other things it names (by identity)."""

    no: int
    id: str
    external_customer_id: str | None = None
    names: tuple[tuple[Kind, str], ...] = ()


Held = Mapping[Kind, Mapping[str, HeldThing]]
"""What is held, by kind and identity."""


def find_dangling(told: Told, held: Held, documents: Iterable[Document]) -> tuple[CatalogProblem, ...]:
    """References of a folder to what neither it nor the database has."""
    missing = [
        (f"{document.place}.{path}", kind, id_)
        for document in documents
        for path, kind, id_ in references(document.kind, document.content)
        if identity(id_) not in told.mentioned[kind] and identity(id_) not in held[kind]
    ]
    nearly = {kind: _by_folded(told, held, kind) for kind in {kind for _, kind, _ in missing}}
    return tuple(
        CatalogProblem(place, f"there is no {kind} {quoted(id_)}{_near(nearly[kind].get(_folded(id_)))}")
        for place, kind, id_ in missing
    )


def find_taken(told: Told, held: Held, *, pruned: AbstractSet[str]) -> tuple[CatalogProblem, ...]:
    """External ids that a customer holds whom the folder lacks and who is not among the ``pruned`` (identities)."""
    holders = {
        identity(customer.external_customer_id): key
        for key, customer in held[Kind.CUSTOMER].items()
        if customer.external_customer_id and key not in told.mentioned[Kind.CUSTOMER] and key not in pruned
    }
    return tuple(
        CatalogProblem(
            f"{thing.place}.externalCustomerId",
            f"{quoted(thing.model.external_customer_id)} is held by customer "
            f"{quoted(held[Kind.CUSTOMER][holders[identity(thing.model.external_customer_id)]].id)}",
        )
        for thing in told.things[Kind.CUSTOMER].values()
        if isinstance(thing.model, Customer)
        and thing.model.external_customer_id is not None
        and identity(thing.model.external_customer_id) in holders
    )


def references(kind: Kind, content: Any) -> Iterator[tuple[str, Kind, str]]:
    """What a thing names, as far as it is well-formed: path in it, kind, id."""
    if not isinstance(content, dict):
        return
    if kind is Kind.CONTRACT:
        named = [
            ("customerId", Kind.CUSTOMER, content.get("customerId")),
            ("planId", Kind.PLAN, content.get("planId")),
        ]
    elif kind is Kind.PLAN:
        told = content.get("pricing")
        named = [
            (f"pricing[{n}].meterId", Kind.METER, pricing.get("meterId"))
            for n, pricing in enumerate(told if isinstance(told, list) else [])
            if isinstance(pricing, dict) and pricing.get("model") == USAGE
        ]
    else:
        return
    for path, named_kind, id_ in named:
        if isinstance(id_, str) and id_:
            yield path, named_kind, id_


def lacking(told: Told, held: Held, kinds: AbstractSet[Kind]) -> dict[Kind, dict[str, HeldThing]]:
    """What is held and not in the folder, of the kinds that the folder has a file of."""
    return {
        kind: {key: thing for key, thing in held[kind].items() if key not in told.mentioned[kind]}
        if kind in kinds
        else {}
        for kind in Kind
    }


def prunable(
    told: Told, held: Held, kinds: AbstractSet[Kind], in_use: Mapping[Kind, AbstractSet[int]]
) -> dict[Kind, dict[str, HeldThing]]:
    """What the folder lacks and nothing names any more.

    in_use: the numbers of what events and usage lines name, by kind.
    """
    candidates = lacking(told, held, kinds)
    named = {
        (kind, identity(id_))
        for told_kind, things in told.things.items()
        for thing in things.values()
        for _, kind, id_ in references(told_kind, thing.content)
    }
    removed: dict[Kind, dict[str, HeldThing]] = {}
    for kind in (Kind.CONTRACT, Kind.PLAN, Kind.METER, Kind.CUSTOMER):
        removed[kind] = {
            key: thing
            for key, thing in candidates[kind].items()
            if thing.no not in in_use.get(kind, frozenset()) and (kind, key) not in named
        }
        named |= {
            reference
            for key, thing in held[kind].items()
            if key not in told.mentioned[kind] and key not in removed[kind]
            for reference in thing.names
        }
    return removed


def _by_folded(told: Told, held: Held, kind: Kind) -> dict[str, str]:
    """Known ids by what is left of them without case, outer spaces and Unicode form."""
    return {
        _folded(id_): id_ for id_ in (*told.mentioned[kind], *(thing.id for thing in held[kind].values()))
    }


def _near(other: str | None) -> str:
    return "" if other is None else f"; there is {quoted(other)}, but ids are matched exactly"


def _folded(id_: str) -> str:
    return unicodedata.normalize("NFKC", id_).strip().casefold()
