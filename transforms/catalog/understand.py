"""Understand the documents of a folder as customers, meters, plans and contracts.

All mistakes are returned together as problems, each with its place; no document raises an error.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.documents.catalog import (
    MODELS,
    USAGE,
    Customer,
    EventTypeFilter,
    Meter,
    Plan,
    Pricing,
    PropertyFilter,
    Thing,
)
from schemas.vocabulary import Kind
from transforms.catalog.members import UnknownMembers, nearest
from transforms.values.ids import identity, is_placeholder, is_shortened
from transforms.values.text import quoted

FILTERS: Final[dict[str, type[BaseModel]]] = {
    "eventTypeFilter": EventTypeFilter,
    "propertyFilters": PropertyFilter,
}
"""The members of a meter whose own members are all known."""

_DIGITS = re.compile("([0-9]+)")


_SENTENCES: Final = {
    "string_type": "must be text",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "string_pattern_mismatch": "must not hold a control character",
    "string_unicode": "must not hold a lone surrogate",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "model_type": "must be an object",
    "too_short": "must not be empty",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "enum": "must be one of {expected}",
}
"""The message for a value that a model refuses, by pydantic's name of the error; ``, not …`` follows."""


@dataclass(frozen=True, slots=True)
class Document:
    """One thing as it stands in a file; place: file and line, or file and number in its list."""

    kind: Kind
    place: str
    content: Any


@dataclass(frozen=True, slots=True)
class CatalogProblem:
    """A mistake in a catalog, or a warning: a place in a file and a sentence."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class FolderThing:
    """A customer, meter, plan or contract of a folder: its place, its model, and its content as it stands there."""

    place: str
    model: Thing
    content: Mapping[str, Any]


@dataclass(frozen=True)
class FolderCatalog:
    """The catalog of a folder: its things by kind and identity, its problems and its warnings.

    ``places``: the place of everything with an id, broken things included, by kind and identity.
    """

    things: Mapping[Kind, Mapping[str, FolderThing]]
    places: Mapping[Kind, Mapping[str, str]]
    problems: tuple[CatalogProblem, ...]
    warnings: tuple[CatalogProblem, ...]


def understand(documents: Iterable[Document]) -> FolderCatalog:
    """Return the catalog that some documents make.

    A document becomes a thing, or one problem or more. Two things of a kind with one id, and two customers with one
    external id, are problems.
    """
    reading = _Reading()
    for document in documents:
        reading.take(document)
    return FolderCatalog(reading.things, reading.places, tuple(reading.problems), tuple(reading.warnings))


def in_order(problems: Iterable[CatalogProblem]) -> tuple[CatalogProblem, ...]:
    """Return problems by file and place, customers first, numbers by value."""
    return tuple(sorted(problems, key=lambda problem: (_file_rank(problem.place), _natural(problem.place))))


def _file_rank(place: str) -> int:
    return next((rank for rank, kind in enumerate(Kind) if place.startswith(f"{kind}s.")), len(Kind))


def _natural(place: str) -> list[tuple[int, str]]:
    """Return a sort key by which 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(place)]


@dataclass
class _Reading:
    """A catalog in the making: documents are taken one after another."""

    things: dict[Kind, dict[str, FolderThing]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    places: dict[Kind, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    external: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    unknown: UnknownMembers = field(default_factory=UnknownMembers)
    problems: list[CatalogProblem] = field(default_factory=list)
    warnings: list[CatalogProblem] = field(default_factory=list)

    def take(self, document: Document) -> None:
        kind, place, content = document.kind, document.place, document.content
        is_first = self._place(document)
        try:
            model = MODELS[kind].model_validate(content)
        except ValidationError as error:
            self.problems += [_problem(place, detail) for detail in error.errors(include_url=False)]
            return
        if is_first:
            self.things[kind][identity(model.id)] = FolderThing(place, model, content)
        self._check(place, model)

    def _place(self, document: Document) -> bool:
        """Note where an id is defined; return whether this is its first place."""
        id_ = document.content.get("id") if isinstance(document.content, dict) else None
        if not isinstance(id_, str) or not id_:
            return False
        earlier = self.places[document.kind].setdefault(identity(id_), document.place)
        if earlier is not document.place:
            self._problem(f"{document.place}.id", f"{quoted(id_)} is already defined at {earlier}")
        if is_placeholder(id_):
            self._warning(f"{document.place}.id", f"{quoted(id_)} looks like a placeholder")
        return earlier is document.place

    def _check(self, place: str, model: Thing) -> None:
        self._check_members(place, model)
        if isinstance(model, Customer):
            self._check_customer(place, model)
        elif isinstance(model, Meter):
            self._check_meter(place, model)
        elif isinstance(model, Plan):
            self._check_plan(place, model)
        elif model.end_date is None and model.is_active in (False, "false"):
            self._warning(
                place, "isActive is false without an endDate; dates decide, so this contract rolls on"
            )

    def _check_members(self, place: str, model: Thing | Pricing) -> None:
        for mistake in self.unknown.mistakes(model):
            self._problem(place, mistake)
        for warning in self.unknown.warnings(model):
            self._warning(place, warning)

    def _check_customer(self, place: str, customer: Customer) -> None:
        external_id = customer.external_customer_id
        if external_id is None:
            return
        earlier = self.external.setdefault(identity(external_id), place)
        path = f"{place}.externalCustomerId"
        if earlier is not place:
            self._problem(path, f"{quoted(external_id)} is already defined at {earlier}")
        if is_placeholder(external_id):
            self._warning(path, f"{quoted(external_id)} looks like a placeholder")
        if is_shortened(external_id):
            self._warning(path, f"{quoted(external_id)} looks like a number that a spreadsheet has rounded")

    def _check_meter(self, place: str, meter: Meter) -> None:
        earlier = self.codes.setdefault(meter.code, place)
        if earlier is not place:
            self._warning(f"{place}.code", f"{quoted(meter.code)} is the code of {earlier} too")
        if not meter.is_supported:
            self._warning(f"{place}.sql", "is not understood yet; the meter's lines have status unsupported")

    def _check_plan(self, place: str, plan: Plan) -> None:
        seen: dict[str, int] = {}
        for n, pricing in enumerate(plan.pricing):
            self._check_members(f"{place}.pricing[{n}]", pricing)
            if seen.setdefault(identity(pricing.id), n) != n:
                first = seen[identity(pricing.id)]
                self._problem(
                    f"{place}.pricing[{n}].id", f"{quoted(pricing.id)} is already defined at pricing[{first}]"
                )
            if pricing.model != USAGE and pricing.model.strip().upper() == USAGE:
                self._warning(
                    f"{place}.pricing[{n}].model",
                    f"{quoted(pricing.model)} is not {USAGE!r}, so it carries no usage",
                )

    def _problem(self, place: str, message: str) -> None:
        self.problems.append(CatalogProblem(place, message))

    def _warning(self, place: str, message: str) -> None:
        self.warnings.append(CatalogProblem(place, message))


def _problem(place: str, detail: ErrorDetails) -> CatalogProblem:
    """Return an error of pydantic as a place and a sentence."""
    path = [_alias(step) for step in detail["loc"] if step not in ("usage", "other")]
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return CatalogProblem(place + _path(path[:-1]), f"{path[-1]} is required")
    if kind == "aggregation_key":
        return CatalogProblem(place + _path(path[:-1]), f"{path[-1]} {detail['msg']}")
    if kind == "extra_forbidden":
        near = nearest(str(path[-1]), FILTERS[str(path[0])])
        hint = f"; did you mean {near!r}?" if near else ""
        return CatalogProblem(place + _path(path[:-1]), f"{quoted(path[-1])} is not known here{hint}")
    if kind in ("filter", "group_keys", "two_ids"):
        return CatalogProblem(place + _path(path), detail["msg"])
    sentence = _SENTENCES.get(kind)
    message = detail["msg"] if sentence is None else sentence.format(**detail.get("ctx", {}))
    ending = "" if kind in ("too_short", "string_too_short", "string_too_long") else f", not {quoted(value)}"
    return CatalogProblem(place + _path(path), message + ending)


def _alias(step: int | str) -> int | str:
    return "aggregationKey" if step == "aggregation_key" else step


def _path(steps: Sequence[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
