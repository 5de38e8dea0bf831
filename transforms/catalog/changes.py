"""Compare the things of a folder with those of the database, field by field."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from schemas.documents.catalog import MODELS, Customer, Plan
from schemas.vocabulary import Kind
from transforms.catalog.references import ExistingThing
from transforms.catalog.understand import FolderThing
from transforms.values.ids import identity
from transforms.values.json import decode_exact, encode_sorted
from transforms.values.numbers import plain_decimal

_REFERENCES: Final = ("id", "customerId", "planId", "meterId", "externalCustomerId")


@dataclass(frozen=True, slots=True)
class FieldChange:
    """A field (a path with dots, where objects are nested) and its JSON values; None where it was or is absent."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Difference:
    """The changes that a folder makes to things of one kind, by identity.

    changed: the fields that differ. before: the documents, as JSON, of the things that are changed or pruned.
    """

    added: tuple[str, ...]
    changed: Mapping[str, tuple[FieldChange, ...]]
    pruned: Mapping[str, ExistingThing]
    before: Mapping[str, str]

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.pruned)


def difference(
    kind: Kind,
    things: Mapping[str, FolderThing],
    existing: Mapping[str, ExistingThing],
    documents: Iterable[tuple[str, str]],
    *,
    pruned: Mapping[str, ExistingThing],
) -> Difference:
    """Return the changes that a folder's things of a kind make to the existing ones.

    documents: the id and the document, as JSON, of every existing thing of the kind.
    """
    changed, before = {}, {}
    for id_, document in documents:
        key = identity(id_)
        fields = changes(kind, decode_exact(document), things[key]) if key in things else ()
        if fields:
            changed[key] = fields
        if fields or key in pruned:
            before[key] = document
    added = tuple(key for key in things if key not in existing)
    return Difference(added, changed, pruned, before)


def changes(kind: Kind, before: Mapping[str, Any], after: FolderThing) -> tuple[FieldChange, ...]:
    """Return the fields in which a thing differs from its document.

    Fields are equal if their JSON values are, and an absent field is equal to its default. An object that only one of
    the two has, as a new pricing, is one field.
    """
    if encode_sorted(before) == encode_sorted(after.content):
        return ()
    try:
        fields: Mapping[str, Any] = _fields(MODELS[kind].model_validate(before))
    except ValidationError:
        fields = before
    return tuple(_differing(fields, _fields(after.model)))


def _fields(model: BaseModel) -> dict[str, Any]:
    """Return a thing's fields as JSON values, without defaults; pricings are an object, by their ids."""
    fields = model.model_dump(exclude_defaults=True)
    if isinstance(model, Customer) and isinstance(fields.get("metadata"), dict):
        fields["metadata"].pop("externalCustomerId", None)
        fields["metadata"] = fields["metadata"] or None
    if isinstance(model, Plan):
        fields["pricing"] = {
            pricing.id: pricing.model_dump(exclude_defaults=True) for pricing in model.pricing
        }
    return {name: _json_value(value) for name, value in fields.items()}


def _differing(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[FieldChange]:
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differing(old, new, f"{path}{name}.")
        elif _differ(name, old, new):
            yield FieldChange(path + name, old, new)


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
    """Return a value that equals another one exactly if the JSON values are equal.

    Numbers are compared by value, and never equal a truth value or a text. Ids are compared by their identity.
    """
    if isinstance(value, str) and name in _REFERENCES:
        return identity(value)
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value), value)
    if isinstance(value, int | Decimal):
        return (Decimal, plain_decimal(str(value)))
    if isinstance(value, list):
        return tuple(_comparable("", member) for member in value)
    return {key: _comparable(key, member) for key, member in value.items()}
