"""The mapping document: from which columns of a source the fields of an event are made.

``[fields]`` replaces the fields that columns of the same names would give, ``[properties]`` the properties. In JSON, and in
structs of Parquet, the columns are the members; those of an object inside are named with dots: ``usage.tokens``.
"""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

MappedField = Literal[
    "eventName", "customerId", "externalCustomerId", "timestamp", "idempotencyKey", "contractId"
]
_PIECES = re.compile(r"(?P<brace>\{\{|\}\})|\{(?P<column>[^{}]+)\}|(?P<text>[^{}]+)|(?P<stray>[{}])")


def template_pieces(template: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of a template, each with whether it names a column; ``{{`` and ``}}`` are braces.

    Raises ValueError at a brace without its partner.
    """
    for piece in _PIECES.finditer(template):
        if piece["stray"]:
            message = f"a brace without its partner at character {piece.start() + 1}"
            raise ValueError(message)
        yield (piece["column"], True) if piece["column"] else (piece["text"] or piece["brace"][0], False)


def _checked_template(template: str) -> str:
    try:
        columns = [piece for piece, is_column in template_pieces(template) if is_column]
    except ValueError as error:
        raise PydanticCustomError("template", "{why}", {"why": f"has {error}"}) from None
    if not columns:
        raise PydanticCustomError("template", "names no column in braces; for a fixed text write value = …")
    return template


def _in_utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise PydanticCustomError("naive", "needs an offset, as in 2020-01-01T00:00:00Z")
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("beyond", "lies beyond the years 1 to 9999 of UTC") from None


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Value(_Part):
    """The same text on every row."""

    value: Annotated[str, Field(min_length=1)]


class Column(_Part):
    """The cell of a column; ``unit`` (of epoch numbers) and ``format`` are for timestamps only."""

    column: str
    unit: Literal["s", "ms", "us"] | None = None
    format: str | None = None


class Template(_Part):
    """A text in which ``{column}`` is replaced by the cell of that column."""

    template: Annotated[str, AfterValidator(_checked_template)]


class Property(_Part):
    """A property made of a column's cell; without ``type`` it has the type of the cell, in CSV a number in its plain form is one."""

    column: str
    type: Literal["text", "number", "boolean"] | None = None


class Constant(_Part):
    """A property that is the same on every row."""

    value: str | bool | int | Decimal


class Version(_Part):
    """The column of the source's own version, a number or a timestamp."""

    column: str


class Deleted(_Part):
    """The column and its text in rows that delete their event."""

    column: str
    equals: str


def _only_key(source: Any, keys: tuple[str, ...]) -> str | None:
    """Return which of the keys a table of the mapping has, or None unless it has exactly one."""
    names = type(source).model_fields if isinstance(source, BaseModel) else source
    present = [key for key in keys if isinstance(names, dict) and key in names]
    return present[0] if len(present) == 1 else None


FieldSource = Annotated[
    Annotated[Value, Tag("value")] | Annotated[Column, Tag("column")] | Annotated[Template, Tag("template")],
    Discriminator(
        lambda source: _only_key(source, ("value", "column", "template")),
        custom_error_type="source",
        custom_error_message="needs exactly one of value, column, template",
    ),
]
PropertySource = Annotated[
    Annotated[Property, Tag("column")] | Annotated[Constant, Tag("value")],
    Discriminator(
        lambda source: _only_key(source, ("column", "value")),
        custom_error_type="source",
        custom_error_message="needs exactly one of column, value",
    ),
]
Properties = Annotated[
    Annotated[Literal["rest"], Tag("word")] | Annotated[dict[str, PropertySource], Tag("table")],
    Discriminator(lambda value: "table" if isinstance(value, dict) else "word"),
]


class Mapping(_Part):
    """The way one source is read; the default takes columns by the names of the fields."""

    time_zone: str | None = None
    missing_timestamp: Literal["now", "reject"] | None = None
    oldest: Annotated[datetime, AfterValidator(_in_utc)] | None = None
    on_conflict: Literal["correct", "reject"] = "correct"
    corrections: Literal["expected"] | None = None
    version: Version | None = None
    deleted: Deleted | None = None
    fields: dict[MappedField, FieldSource] | None = None
    properties: Properties | None = None

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the canonical form, equal for mappings that say the same."""
        canonical = json.dumps(self.model_dump(mode="json", exclude_none=True), sort_keys=True)
        return sha256(canonical.encode()).hexdigest()

    @property
    def requires_timestamp(self) -> bool:
        """Return whether a row without a timestamp is rejected: by default if the mapping makes the timestamp."""
        if self.missing_timestamp is None:
            return self.fields is not None and "timestamp" in self.fields
        return self.missing_timestamp == "reject"

    @property
    def expects_corrections(self) -> bool:
        """Return whether many rows may correct one another, or events of others: the source orders versions, or says so."""
        return self.corrections is not None or self.version is not None or self.deleted is not None

    @property
    def makes_key(self) -> bool:
        """Return whether the mapping makes the key, so that it may be too short to tell events apart."""
        return self.fields is not None and "idempotencyKey" in self.fields

    @property
    def rejects_conflicts(self) -> bool:
        """Return whether a row whose key is taken by another event is rejected."""
        return self.on_conflict == "reject"

    @property
    def is_by_name(self) -> bool:
        """Return whether every column is taken by its name."""
        return (
            self.fields is None and self.properties is None and self.version is None and self.deleted is None
        )


DEFAULT_MAPPING = Mapping()
"""The mapping of a source without one: columns, or members of a JSON object, are the event's fields."""
