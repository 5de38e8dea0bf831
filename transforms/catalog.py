"""A told catalog: understood, checked against what is held, and compared with it field by field.

Whatever is wrong is returned as problems, all of them, each with its place; nothing here raises for what a folder says.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.catalog import MODELS, USAGE, Customer, Kind, Meter, Plan, Pricing, Thing
from transforms.ids import identity
from transforms.numbers import plain_decimal
from transforms.warnings import is_placeholder, is_shortened

_DIGITS = re.compile("([0-9]+)")
_REFERENCES: Final = ("id", "customerId", "planId", "meterId", "externalCustomerId")
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
"""What is said of a value that a model refuses, by pydantic's name of the error; ``, not …`` follows."""


@dataclass(frozen=True, slots=True)
class Document:
    """One thing as a file tells it; place: file and line, or file and number in its list."""

    kind: Kind
    place: str
    content: Any


@dataclass(frozen=True, slots=True)
class CatalogProblem:
    """Why a catalog is not loaded: a place in a file and a sentence."""

    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.message}"


@dataclass(frozen=True, slots=True)
class ToldThing:
    """A customer, meter, plan or contract that has been understood, and what was told of it."""

    place: str
    model: Thing
    content: Mapping[str, Any]


@dataclass(frozen=True)
class Told:
    """What a folder tells: things by kind and identity, what is wrong with it, and what is odd.

    ``mentioned``: the identities of all that it tries to tell, broken ones included, each with its place.
    """

    things: Mapping[Kind, Mapping[str, ToldThing]]
    mentioned: Mapping[Kind, Mapping[str, str]]
    problems: tuple[CatalogProblem, ...]
    warnings: tuple[CatalogProblem, ...]


@dataclass(frozen=True, slots=True)
class HeldThing:
    """A thing in the database: its number and id, and which other things it names (by identity)."""

    no: int
    id: str
    external_customer_id: str | None = None
    names: tuple[tuple[Kind, str], ...] = ()


Held = Mapping[Kind, Mapping[str, HeldThing]]
"""What is held, by kind and identity."""


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field (a path with dots, where objects are nested) and its JSON values; None where it was or is absent."""

    field: str
    before: Any
    after: Any


def understand(documents: Iterable[Document]) -> Told:
    """Every document as a thing, or as problems; two with one id, or customers with one external id, are problems."""
    reading = _Reading()
    for document in documents:
        reading.take(document)
    return Told(reading.things, reading.mentioned, tuple(reading.problems), tuple(reading.warnings))


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


def changes(kind: Kind, before: Mapping[str, Any], after: ToldThing) -> tuple[FieldChange, ...]:
    """What of a thing differs, field by field; equal as JSON values is equal, and so is a default said aloud.

    An object that only one of the two has, as a pricing that is new, is one field.
    """
    if _exact(before) == _exact(after.content):
        return ()
    try:
        held: Mapping[str, Any] = _fields(MODELS[kind].model_validate(before))
    except ValidationError:
        held = before
    return tuple(_differing(held, _fields(after.model)))


def in_order(problems: Iterable[CatalogProblem]) -> tuple[CatalogProblem, ...]:
    """By file and place, customers first, numbers by value."""
    return tuple(sorted(problems, key=lambda problem: (_file_rank(problem.place), _natural(problem.place))))


def _file_rank(place: str) -> int:
    return next((rank for rank, kind in enumerate(Kind) if place.startswith(f"{kind}s.")), len(Kind))


def _natural(place: str) -> list[tuple[int, str]]:
    """A sort key in which 2 comes before 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(place)]


def quoted(value: object) -> str:
    """A value for a message: short, one line, without control characters."""
    if isinstance(value, bool) or value is None:
        shown = {True: "true", False: "false", None: "null"}[value]
    elif isinstance(value, int | Decimal):
        shown = str(value)
    elif isinstance(value, str):
        shown = repr(value)
    else:
        shown = "a list" if isinstance(value, list | tuple) else "an object"
    return shown if len(shown) <= 80 else f"{shown[:76]}...'"


@dataclass
class _Reading:
    """Documents taken one after another, and what has been seen so far."""

    things: dict[Kind, dict[str, ToldThing]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    mentioned: dict[Kind, dict[str, str]] = field(default_factory=lambda: {kind: {} for kind in Kind})
    external: dict[str, str] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    strange: set[tuple[type[BaseModel], str]] = field(default_factory=set)
    problems: list[CatalogProblem] = field(default_factory=list)
    warnings: list[CatalogProblem] = field(default_factory=list)

    def take(self, document: Document) -> None:
        kind, place, content = document.kind, document.place, document.content
        is_first = self._mention(document)
        try:
            model = MODELS[kind].model_validate(content)
        except ValidationError as error:
            self.problems += [_problem(place, detail) for detail in error.errors(include_url=False)]
            return
        if is_first:
            self.things[kind][identity(model.id)] = ToldThing(place, model, content)
        self._check(place, model)

    def _mention(self, document: Document) -> bool:
        id_ = document.content.get("id") if isinstance(document.content, dict) else None
        if not isinstance(id_, str) or not id_:
            return False
        earlier = self.mentioned[document.kind].setdefault(identity(id_), document.place)
        if earlier is not document.place:
            self._problem(f"{document.place}.id", f"{quoted(id_)} is told at {earlier} already")
        if is_placeholder(id_):
            self._warning(f"{document.place}.id", f"{quoted(id_)} looks like a placeholder")
        return earlier is document.place

    def _check(self, place: str, model: Thing) -> None:
        self._check_names(place, model)
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

    def _check_names(self, place: str, model: Thing | Pricing) -> None:
        """A name that is a field's but for its spelling is kept and means nothing: said once."""
        for name in model.model_extra or ():
            if (type(model), name) not in self.strange:
                self.strange.add((type(model), name))
                known = _spellings(type(model)).get(_bare(name))
                if known is not None:
                    self._warning(
                        place, f"{quoted(name)} is not known here, and means nothing; there is {known!r}"
                    )

    def _check_customer(self, place: str, customer: Customer) -> None:
        external_id = customer.external_customer_id
        if external_id is None:
            return
        earlier = self.external.setdefault(identity(external_id), place)
        path = f"{place}.externalCustomerId"
        if earlier is not place:
            self._problem(path, f"{quoted(external_id)} is told at {earlier} already")
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
            self._check_names(f"{place}.pricing[{n}]", pricing)
            if seen.setdefault(identity(pricing.id), n) != n:
                first = seen[identity(pricing.id)]
                self._problem(
                    f"{place}.pricing[{n}].id", f"{quoted(pricing.id)} is told at pricing[{first}] already"
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
    """What pydantic found, as a place and a sentence."""
    path = [_alias(step) for step in detail["loc"] if step not in ("usage", "other")]
    kind, value = detail["type"], detail["input"]
    if kind == "missing":
        return CatalogProblem(place + _path(path[:-1]), f"{path[-1]} is required")
    if kind == "aggregation_key":
        return CatalogProblem(place + _path(path[:-1]), f"{path[-1]} {detail['msg']}")
    if kind == "extra_forbidden":
        return CatalogProblem(place + _path(path[:-1]), f"{quoted(path[-1])} is not known here")
    if kind in ("filter", "group_keys", "two_ids"):
        return CatalogProblem(place + _path(path), detail["msg"])
    sentence = _SENTENCES.get(kind)
    said = detail["msg"] if sentence is None else sentence.format(**detail.get("ctx", {}))
    ending = "" if kind in ("too_short", "string_too_short", "string_too_long") else f", not {quoted(value)}"
    return CatalogProblem(place + _path(path), said + ending)


def _alias(step: int | str) -> int | str:
    return "aggregationKey" if step == "aggregation_key" else step


def _path(steps: Sequence[int | str]) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def _by_folded(told: Told, held: Held, kind: Kind) -> dict[str, str]:
    """Known ids by what is left of them without case, outer spaces and Unicode form."""
    return {
        _folded(id_): id_ for id_ in (*told.mentioned[kind], *(thing.id for thing in held[kind].values()))
    }


def _near(other: str | None) -> str:
    return "" if other is None else f"; there is {quoted(other)}, but ids are matched exactly"


def _folded(id_: str) -> str:
    return unicodedata.normalize("NFKC", id_).strip().casefold()


def _bare(name: str) -> str:
    return name.replace("_", "").replace("-", "").replace(" ", "").casefold()


@cache
def _spellings(model: type[BaseModel]) -> dict[str, str]:
    """The names of a model's fields by what is left of them without case and separators."""
    names = [field.alias or name for name, field in model.model_fields.items()]
    return {_bare(name): name for name in names}


def _exact(content: Mapping[str, Any]) -> bytes:
    """A quick spelling: equal ones are equal, different ones need a closer look."""
    return _ENCODER.encode(content)


_ENCODER: Final = msgspec.json.Encoder(order="sorted", decimal_format="number")


def _fields(model: BaseModel) -> dict[str, Any]:
    """A thing's fields as JSON values; defaults left out, pricing by its id."""
    told = model.model_dump(exclude_defaults=True)
    if isinstance(model, Customer) and isinstance(told.get("metadata"), dict):
        told["metadata"].pop("externalCustomerId", None)
        told["metadata"] = told["metadata"] or None
    if isinstance(model, Plan):
        told["pricing"] = {pricing.id: pricing.model_dump(exclude_defaults=True) for pricing in model.pricing}
    return {name: _json_value(value) for name, value in told.items()}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        held, told = before.get(name), after.get(name)
        if isinstance(held, dict) and isinstance(told, dict):
            yield from _differing(held, told, f"{path}{name}.")
        elif _differ(name, held, told):
            yield FieldChange(path + name, held, told)


def _json_value(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_json_value(member) for member in value]
    if isinstance(value, dict):
        return {name: _json_value(member) for name, member in value.items()}
    return value


def _differ(name: str, before: Any, after: Any) -> bool:
    if isinstance(before, str) and before == after:
        return False
    return bool(_comparable(name, before) != _comparable(name, after))


def _comparable(name: str, value: Any) -> Any:
    """Equal exactly where the JSON values are: numbers by value, never equal to truths or texts."""
    if isinstance(value, str) and name in _REFERENCES:
        return identity(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value), value)
    if isinstance(value, int | Decimal):
        return (Decimal, plain_decimal(str(value)))
    if isinstance(value, list):
        return tuple(_comparable("", member) for member in value)
    return {key: _comparable(key, member) for key, member in value.items()}
