"""Judging a row: an accepted row with its customer, instant and content, or the first rejection that applies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from tests.reference.catalog import Catalog
from tests.reference.instants import NoInstantError, parse_instant
from tests.reference.mapping import Fields, Mapping, read_fields
from tests.reference.reading import Row
from tests.reference.values import Typed, typed

LONGEST_TEXT = 255
CONTROL = re.compile("[\u0000-\u001f\u007f]")
MESSAGES = {
    "malformed_row": "",
    "missing_event_name": "eventName is required",
    "missing_customer": "customerId or externalCustomerId is required",
    "customer_not_found": "Customer not found",
    "customer_mismatch": "customerId and externalCustomerId name different customers",
    "invalid_timestamp": "timestamp must be ISO 8601 with an offset",
    "timestamp_in_future": "timestamp must not be more than 1 hour in the future",
    "timestamp_too_old": "timestamp is before",
    "missing_timestamp": "",
    "invalid_properties": "properties must be an object of text, numbers and booleans",
    "invalid_field": "",
    "contract_not_found": "",
    "conflict": "idempotencyKey is taken by another event",
}
TEXT_FIELDS = ("eventName", "customerId", "externalCustomerId", "idempotencyKey", "contractId")


@dataclass(frozen=True)
class Content:
    """The content of a row, equal for two rows that are the same: customer, name, instant (None: omitted), contract, properties, deleted."""

    customer_id: str
    event_name: str
    at: datetime | None
    contract_id: str | None
    properties: frozenset[tuple[str, Typed]]
    is_deleted: bool


@dataclass(frozen=True)
class Accepted:
    """A row that passed every check of its own."""

    content: Content
    idempotency_key: str | None
    version: Decimal | None


@dataclass(frozen=True)
class Rejected:
    """A row turned away, with the first code that applies."""

    code: str


class _TurnedAwayError(Exception):
    """The row is rejected; the argument is the code."""


def sift(row: Row, mapping: Mapping, catalog: Catalog, clock: datetime) -> Accepted | Rejected:
    """The row, judged by the codes in their order."""
    if row.event is None and row.cells is None:
        return Rejected("malformed_row")
    try:
        return _judge(read_fields(row, mapping), mapping, catalog, clock)
    except _TurnedAwayError as turned_away:
        return Rejected(str(turned_away))


def _judge(row_fields: Fields, mapping: Mapping, catalog: Catalog, clock: datetime) -> Accepted:
    given = {*row_fields.fields, *row_fields.invalid}
    if "eventName" not in given:
        raise _TurnedAwayError("missing_event_name")
    if not given & {"customerId", "externalCustomerId"}:
        raise _TurnedAwayError("missing_customer")
    customer_id = _customer_id(row_fields, catalog)
    at = _checked_instant(row_fields, mapping, clock)
    properties = _properties(row_fields.properties)
    if (
        any(name in row_fields.fields and not _is_text(row_fields.fields[name]) for name in TEXT_FIELDS)
        or row_fields.invalid
    ):
        raise _TurnedAwayError("invalid_field")
    assert customer_id is not None
    contract_id = _contract_id(row_fields, customer_id, catalog)
    content = Content(
        customer_id, str(row_fields.fields["eventName"]), at, contract_id, properties, row_fields.is_deleted
    )
    key = row_fields.fields.get("idempotencyKey")
    return Accepted(content, None if key is None else str(key), row_fields.version)


def _customer_id(row_fields: Fields, catalog: Catalog) -> str | None:
    """The customer that both ids name; None where neither can be looked up."""
    found = set()
    for name, look_up in (
        ("customerId", catalog.customer),
        ("externalCustomerId", catalog.customer_by_external_id),
    ):
        value = row_fields.fields.get(name)
        if isinstance(value, str) and _is_text(value):
            customer = look_up(value)
            if customer is None:
                raise _TurnedAwayError("customer_not_found")
            found.add(customer.id)
    if len(found) > 1:
        raise _TurnedAwayError("customer_mismatch")
    return found.pop() if found else None


def _checked_instant(row_fields: Fields, mapping: Mapping, clock: datetime) -> datetime | None:
    """The instant, None where it is omitted."""
    try:
        at = _instant(row_fields, mapping)
    except NoInstantError:
        raise _TurnedAwayError("invalid_timestamp") from None
    if at is None:
        if mapping.is_timestamp_required:
            raise _TurnedAwayError("missing_timestamp")
        return None
    if at > clock + timedelta(hours=1):
        raise _TurnedAwayError("timestamp_in_future")
    if mapping.oldest is not None and at < mapping.oldest:
        raise _TurnedAwayError("timestamp_too_old")
    return at


def _contract_id(row_fields: Fields, customer_id: str, catalog: Catalog) -> str | None:
    if "contractId" not in row_fields.fields:
        return None
    contract = catalog.contract(str(row_fields.fields["contractId"]))
    if contract is None or contract.customer_id != customer_id:
        raise _TurnedAwayError("contract_not_found")
    return contract.id


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= LONGEST_TEXT and not CONTROL.search(value)


def _instant(row_fields: Fields, mapping: Mapping) -> datetime | None:
    if row_fields.at is not None:
        return row_fields.at
    text = row_fields.fields.get("timestamp")
    if text is None:
        return None
    if not isinstance(text, str) or "unit" in mapping.fields.get("timestamp", {}):
        raise NoInstantError(str(text))
    return parse_instant(text, mapping.time_zone)


def _properties(value: object) -> frozenset[tuple[str, Typed]]:
    """The properties, comparable."""
    if value is None:
        return frozenset()
    if not isinstance(value, dict) or not all(_is_property(name, item) for name, item in value.items()):
        raise _TurnedAwayError("invalid_properties")
    return frozenset((name, typed(item)) for name, item in value.items())


def _is_property(name: str, item: object) -> bool:
    if "\0" in name or (isinstance(item, str) and "\0" in item):
        return False
    return isinstance(item, str | bool | Decimal)
