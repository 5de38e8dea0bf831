"""Compare the things of a catalog field by field."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec
from pydantic import BaseModel, ValidationError

from schemas.documents.catalog import MODELS, Customer, Plan
from schemas.vocabulary import Kind
from transforms.catalog.understand import ToldThing
from transforms.values.ids import identity
from transforms.values.numbers import plain_decimal

_REFERENCES: Final = ("id", "customerId", "planId", "meterId", "externalCustomerId")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field (a path with dots, where objects are nested) and its JSON values; None where it was or is absent."""

    field: str
    before: Any
    after: Any


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
