"""Check the references of a catalog against the folder and the database together."""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from schemas.documents.catalog import USAGE, Customer
from schemas.vocabulary import Kind
from transforms.catalog.understand import CatalogProblem, Document, FolderCatalog
from transforms.values.ids import identity
from transforms.values.near_misses import fold_id
from transforms.values.text import quoted


@dataclass(frozen=True, slots=True)
class ExistingThing:
    """A thing in the database: its number, its id, and the things that it refers to, by kind and identity."""

    no: int
    id: str
    external_customer_id: str | None = None
    references: tuple[tuple[Kind, str], ...] = ()


ExistingCatalog = Mapping[Kind, Mapping[str, ExistingThing]]
"""The things in the database, by kind and identity."""


def find_dangling(
    folder: FolderCatalog, existing: ExistingCatalog, documents: Iterable[Document]
) -> tuple[CatalogProblem, ...]:
    """Return a problem for each reference of a folder to a thing that neither it nor the database has."""
    missing = [
        (f"{document.place}.{path}", kind, id_)
        for document in documents
        for path, kind, id_ in references(document.kind, document.content)
        if identity(id_) not in folder.places[kind] and identity(id_) not in existing[kind]
    ]
    known = {kind: _known_by_fold(folder, existing, kind) for kind in {kind for _, kind, _ in missing}}
    return tuple(
        CatalogProblem(place, f"there is no {kind} {quoted(id_)}{_hint(known[kind].get(fold_id(id_)))}")
        for place, kind, id_ in missing
    )


def find_taken(
    folder: FolderCatalog, existing: ExistingCatalog, *, pruned: AbstractSet[str]
) -> tuple[CatalogProblem, ...]:
    """Return a problem for each external id that belongs to a customer who is not in the folder.

    pruned: the identities of customers that this catalog removes; theirs are free.
    """
    owners = {
        identity(customer.external_customer_id): customer
        for key, customer in existing[Kind.CUSTOMER].items()
        if customer.external_customer_id and key not in folder.places[Kind.CUSTOMER] and key not in pruned
    }
    return tuple(
        CatalogProblem(
            f"{thing.place}.externalCustomerId",
            f"{quoted(thing.model.external_customer_id)} belongs to customer "
            f"{quoted(owners[identity(thing.model.external_customer_id)].id)}",
        )
        for thing in folder.things[Kind.CUSTOMER].values()
        if isinstance(thing.model, Customer)
        and thing.model.external_customer_id is not None
        and identity(thing.model.external_customer_id) in owners
    )


def references(kind: Kind, content: Any) -> Iterator[tuple[str, Kind, str]]:
    """Return the references of a thing, as far as it is well-formed: path in it, kind, id."""
    if not isinstance(content, dict):
        return
    if kind is Kind.CONTRACT:
        found = [
            ("customerId", Kind.CUSTOMER, content.get("customerId")),
            ("planId", Kind.PLAN, content.get("planId")),
        ]
    elif kind is Kind.PLAN:
        pricings = content.get("pricing")
        found = [
            (f"pricing[{n}].meterId", Kind.METER, pricing.get("meterId"))
            for n, pricing in enumerate(pricings if isinstance(pricings, list) else [])
            if isinstance(pricing, dict) and pricing.get("model") == USAGE
        ]
    else:
        return
    for path, named_kind, id_ in found:
        if isinstance(id_, str) and id_:
            yield path, named_kind, id_


def lacking(
    folder: FolderCatalog, existing: ExistingCatalog, kinds: AbstractSet[Kind]
) -> dict[Kind, dict[str, ExistingThing]]:
    """Return the existing things that the folder lacks, of the kinds that it has a file of."""
    return {
        kind: {key: thing for key, thing in existing[kind].items() if key not in folder.places[kind]}
        if kind in kinds
        else {}
        for kind in Kind
    }


@dataclass(frozen=True)
class Pruning:
    """The existing things that a folder lacks: those to remove, and for each that stays the reason, by kind and identity."""

    removed: Mapping[Kind, Mapping[str, ExistingThing]]
    reasons: Mapping[Kind, Mapping[str, str]]


NOTHING_PRUNED: Final = Pruning({kind: {} for kind in Kind}, {kind: {} for kind in Kind})


def prunable(
    folder: FolderCatalog,
    existing: ExistingCatalog,
    kinds: AbstractSet[Kind],
    in_use: Mapping[Kind, AbstractSet[int]],
) -> Pruning:
    """Decide which existing things that the folder lacks are removed: those that nothing refers to any more.

    in_use: the numbers of the things that events and usage lines name, by kind.
    """
    candidates = lacking(folder, existing, kinds)
    named = {
        (kind, identity(id_)): f"{folder_kind} {quoted(thing.model.id)} names it"
        for folder_kind, things in folder.things.items()
        for thing in things.values()
        for _, kind, id_ in references(folder_kind, thing.content)
    }
    removed: dict[Kind, dict[str, ExistingThing]] = {}
    reasons: dict[Kind, dict[str, str]] = {}
    for kind in (Kind.CONTRACT, Kind.PLAN, Kind.METER, Kind.CUSTOMER):
        reasons[kind] = {
            key: "events or usage lines name it"
            if thing.no in in_use.get(kind, frozenset())
            else named[kind, key]
            for key, thing in candidates[kind].items()
            if thing.no in in_use.get(kind, frozenset()) or (kind, key) in named
        }
        removed[kind] = {key: thing for key, thing in candidates[kind].items() if key not in reasons[kind]}
        named |= {
            reference: f"{kind} {quoted(thing.id)} names it"
            for key, thing in existing[kind].items()
            if key not in folder.places[kind] and key not in removed[kind]
            for reference in thing.references
        }
    return Pruning(removed, reasons)


def _known_by_fold(folder: FolderCatalog, existing: ExistingCatalog, kind: Kind) -> dict[str, str]:
    known = (*folder.places[kind], *(thing.id for thing in existing[kind].values()))
    return {fold_id(id_): id_ for id_ in known}


def _hint(other: str | None) -> str:
    return "" if other is None else f"; there is {quoted(other)}, but ids are matched exactly"
