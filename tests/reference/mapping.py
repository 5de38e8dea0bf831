"""Read a row: the fields and properties of an event, by the names of the columns or by a mapping."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.reference.instants import NoInstantError, from_epoch, parse_instant, to_microseconds
from tests.reference.reading import Row
from tests.reference.values import JSON_NUMBER, NotJsonError, TooLong, decode, number, plain

FIELDS = {
    "eventName": "event_name",
    "customerId": "customer_id",
    "externalCustomerId": "external_customer_id",
    "timestamp": "timestamp",
    "properties": "properties",
    "idempotencyKey": "idempotency_key",
    "contractId": "contract_id",
}
KNOWN_NAMES = {*FIELDS, *FIELDS.values()}


@dataclass
class Fields:
    """The fields of a row before validation: JSON values, None if absent."""

    fields: dict[str, object]
    properties: object = None
    unknown: list[str] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    at: datetime | None = None
    version: Decimal | None = None
    is_deleted: bool = False


@dataclass(frozen=True)
class Mapping:
    """A mapping: how columns become fields, and the options of the source."""

    time_zone: str | None = None
    is_timestamp_required: bool = False
    oldest: datetime | None = None
    refuses_corrections: bool = False
    expects_corrections: bool = False
    version: str | None = None
    deleted: tuple[str, str] | None = None
    fields: dict[str, dict[str, str]] = field(default_factory=dict)
    properties: dict[str, dict[str, str]] | None = None
    text: str = ""

    @property
    def names_columns(self) -> bool:
        """Whether rows are read by the columns that the mapping names."""
        return bool(self.fields)

    @property
    def columns(self) -> set[str]:
        """The columns that fields, version or deleted use."""
        used = {part for rule in self.fields.values() for part in _columns_of(rule)}
        used |= {self.version} if self.version else set()
        return used | ({self.deleted[0]} if self.deleted else set())


def _columns_of(rule: dict[str, str]) -> list[str]:
    if "template" in rule:
        return re.findall(r"\{([^{}]*)\}", rule["template"])
    return [rule["column"]] if "column" in rule else []


def read_mapping(text: str) -> Mapping:
    """The mapping that a TOML text describes; properties None means every column not used otherwise."""
    document: dict[str, Any] = tomllib.loads(text)
    deleted = document.get("deleted")
    oldest = document.get("oldest")
    properties = document.get("properties", {})
    return Mapping(
        time_zone=document.get("time_zone"),
        is_timestamp_required=document.get(
            "missing_timestamp", "reject" if "timestamp" in document.get("fields", {}) else "now"
        )
        == "reject",
        oldest=oldest.astimezone(UTC) if oldest else None,
        refuses_corrections=document.get("on_conflict") == "reject",
        expects_corrections=bool(document.keys() & {"corrections", "version", "deleted"}),
        version=document["version"]["column"] if "version" in document else None,
        deleted=(deleted["column"], deleted["equals"]) if deleted else None,
        fields=document.get("fields", {}),
        properties=None if properties == "rest" else properties,
        text=text,
    )


def read_fields(row: Row, mapping: Mapping) -> Fields:
    """Return the fields of a well-formed row."""
    if row.event is not None:
        return _of_event(row.event)
    assert row.cells is not None
    cells = {name: cell for name, cell in row.cells.items() if cell != ""}
    return _mapped(cells, mapping) if mapping.names_columns else _named(cells)


def _given(value: object) -> bool:
    return value is not None and value != ""


def _of_event(event: dict[str, object]) -> Fields:
    fields: dict[str, object] = {}
    for camel, snake in FIELDS.items():
        value = event.get(camel)
        fields[camel] = value if _given(value) else event.get(snake)
    found = Fields({name: value for name, value in fields.items() if _given(value)})
    found.properties = found.fields.pop("properties", None)
    found.unknown = [name for name in event if name not in KNOWN_NAMES]
    return found


def _named(cells: dict[str, str]) -> Fields:
    """Without a mapping: columns are fields, `properties.x` columns properties, `properties` a JSON object."""
    prefix = "properties."
    found = _of_event({name: cell for name, cell in cells.items() if not name.startswith(prefix)})
    if found.properties is not None:
        try:
            found.properties = decode(str(found.properties))
        except NotJsonError:
            found.properties = "no JSON"
    else:
        found.properties = {
            name.removeprefix(prefix): _cell_value(cell, None)
            for name, cell in cells.items()
            if name.startswith(prefix)
        }
    return found


def _cell_value(cell: str, kind: str | None) -> object:
    if kind == "text":
        return cell
    if kind == "boolean":
        return {"true": True, "false": False}.get(cell, ["no boolean"])
    if not JSON_NUMBER.fullmatch(cell):
        return ["no number"] if kind == "number" else cell
    return number(cell) if kind == "number" or _is_plain(cell) else cell


def _is_plain(cell: str) -> bool:
    """A number written as anyone would: not a code such as 1.10, 10E2 or -0; 5.0 is taken for 5."""
    value = number(cell)
    if isinstance(value, TooLong):
        return not re.search("[eE]", cell) and not re.search(r"\.[0-9]+0$", cell)
    written = plain(value)
    return cell in {written, written if "." in written else f"{written}.0"}


def _mapped(cells: dict[str, str], mapping: Mapping) -> Fields:
    found = Fields({})
    for name, rule in mapping.fields.items():
        if "template" in rule and any(column not in cells for column in _columns_of(rule)):
            found.invalid.append(name)
            continue
        value = _field_value(cells, rule)
        if value is None:
            continue
        if name == "timestamp" and "unit" in rule:
            found.at = _counted_instant(value, rule["unit"])
        found.fields[name] = value
    found.properties = _mapped_properties(cells, mapping)
    if mapping.version in cells:
        found.version = _version(cells[mapping.version])
        if found.version is None:
            found.invalid.append("version")
    if mapping.deleted:
        column, text = mapping.deleted
        found.is_deleted = cells.get(column) == text
    return found


def _field_value(cells: dict[str, str], rule: dict[str, str]) -> str | None:
    if "value" in rule:
        return rule["value"]
    if "column" in rule:
        return cells.get(rule["column"])
    return re.sub(r"\{([^{}]*)\}", lambda part: cells[part[1]], rule["template"])


def _counted_instant(text: str, unit: str) -> datetime | None:
    if not re.fullmatch(r"[0-9]{1,18}", text):
        return None
    try:
        return from_epoch(int(text), unit)
    except OverflowError:
        return None


def _version(text: str) -> Decimal | None:
    if JSON_NUMBER.fullmatch(text):
        value = number(text)
        return None if isinstance(value, TooLong) else value
    try:
        return Decimal(to_microseconds(parse_instant(text)))
    except NoInstantError:
        return None


def _mapped_properties(cells: dict[str, str], mapping: Mapping) -> dict[str, object]:
    if mapping.properties is None:
        rest = {name: cell for name, cell in cells.items() if name not in mapping.columns}
        return {name: _cell_value(cell, None) for name, cell in rest.items()}
    return {
        name: _cell_value(cells[rule["column"]], rule.get("type"))
        for name, rule in mapping.properties.items()
        if rule["column"] in cells
    }
