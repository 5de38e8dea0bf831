"""How the columns of a source become the fields of an event."""

from datetime import datetime
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

MappedField = Literal[
    "eventName", "customerId", "externalCustomerId", "timestamp", "idempotencyKey", "contractId"
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Value(_Part):
    """The same text on every row."""

    value: Annotated[str, Field(min_length=1)]


class Column(_Part):
    """The cell of a column; ``unit`` and ``format`` are for timestamps alone."""

    column: str
    unit: Literal["s", "ms", "us"] | None = None
    format: str | None = None


class Template(_Part):
    """A text in which ``{column}`` stands for a cell."""

    template: str


class Property(_Part):
    """A property made of a column's cell; without a type, of the type that the cell has."""

    column: str
    type: Literal["text", "number", "boolean"] | None = None


class PropertyValue(_Part):
    """A property that is the same on every row."""

    value: str | bool | int


class Version(_Part):
    """The source's own order of versions: numbers or timestamps."""

    column: str


class Deleted(_Part):
    """Rows whose cell equals the text are versions that count nowhere."""

    column: str
    equals: str


class Mapping(_Part):
    """How one source is read; the default one takes columns by the names of the fields."""

    time_zone: str | None = None
    missing_timestamp: Literal["now", "reject"] = "now"
    oldest: datetime | None = None
    on_conflict: Literal["correct", "reject"] = "correct"
    version: Version | None = None
    deleted: Deleted | None = None
    fields: dict[MappedField, Value | Column | Template] | None = None
    properties: Literal["rest"] | dict[str, Property | PropertyValue] | None = None

    @property
    def digest(self) -> str:
        """SHA-256 (hex) of the canonical form: equal for mappings that say the same."""
        return sha256(self.model_dump_json().encode()).hexdigest()


DEFAULT_MAPPING = Mapping()
"""No mapping: columns, or members of a JSON object, are the event's fields."""
