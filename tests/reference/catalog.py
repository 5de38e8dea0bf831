"""Customers, meters, plans and contracts, read from a folder and kept: a catalog adds and changes, never removes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.reference.instants import parse_instant
from tests.reference.values import Typed, typed

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def same_id(value: str) -> str:
    """Two ids are the same exactly where these are equal: letter case does not count in UUIDs."""
    return value.lower() if UUID.fullmatch(value) else value


@dataclass(frozen=True)
class Customer:
    """Who is charged."""

    id: str
    external_id: str | None


@dataclass(frozen=True)
class PropertyFilter:
    """A condition on one property."""

    name: str
    exists: bool | None
    include: frozenset[Typed] | None
    exclude: frozenset[Typed] | None


@dataclass(frozen=True)
class Meter:
    """A meter: the events that it matches and the value that it takes of them."""

    id: str
    code: str
    aggregation: str
    key: str | None
    include: frozenset[str] | None
    exclude: frozenset[str]
    filters: tuple[PropertyFilter, ...]
    group_keys: tuple[str, ...]
    is_supported: bool
    is_inactive: bool
    inactive_at: datetime | None


@dataclass(frozen=True)
class Pricing:
    """A usage pricing: its meter and its interval."""

    id: str
    meter_id: str
    interval: str
    count: int


@dataclass(frozen=True)
class Plan:
    """The usage pricings of a plan; others carry no usage."""

    id: str
    pricings: tuple[Pricing, ...]


@dataclass(frozen=True)
class Contract:
    """From when to when a customer is charged by a plan; anchor is a date, a day of month, or None."""

    id: str
    customer_id: str
    plan_id: str
    start: date
    end: date | None
    anchor: date | int | None


@dataclass
class Catalog:
    """All things of all catalogs, the latest of each."""

    customers: dict[str, Customer] = field(default_factory=dict)
    meters: dict[str, Meter] = field(default_factory=dict)
    plans: dict[str, Plan] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    inactive_since: dict[str, datetime] = field(default_factory=dict)

    def customer(self, given: str) -> Customer | None:
        """The customer of this id."""
        return self.customers.get(same_id(given))

    def customer_by_external_id(self, given: str) -> Customer | None:
        """The customer of this external id."""
        for customer in self.customers.values():
            if customer.external_id is not None and same_id(customer.external_id) == same_id(given):
                return customer
        return None

    def contract(self, given: str) -> Contract | None:
        """The contract of this id."""
        return self.contracts.get(same_id(given))

    def take(self, folder: Path, clock: datetime) -> None:
        """Add and change what the folder says."""
        for customer in map(_customer, _documents(folder, "customers")):
            self.customers[same_id(customer.id)] = customer
        for meter in map(_meter, _documents(folder, "meters")):
            self.meters[same_id(meter.id)] = meter
            if meter.is_inactive:
                self.inactive_since.setdefault(meter.id, clock)
            else:
                self.inactive_since.pop(meter.id, None)
        for plan in map(_plan, _documents(folder, "plans")):
            self.plans[same_id(plan.id)] = plan
        for contract in map(_contract, _documents(folder, "contracts")):
            self.contracts[same_id(contract.id)] = contract


def _documents(folder: Path, kind: str) -> Iterable[dict[str, Any]]:
    for path in sorted(folder.glob(f"{kind}.*")):
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            for record in csv.DictReader(io.StringIO(text, newline="")):
                yield {name: cell for name, cell in record.items() if cell}
            continue
        try:
            value = json.loads(text, parse_float=Decimal, parse_int=Decimal)
            pages = value if isinstance(value, list) else [value]
        except json.JSONDecodeError:
            lines = text.split("\n")
            pages = [
                json.loads(line, parse_float=Decimal, parse_int=Decimal) for line in lines if line.strip()
            ]
        for page in pages:
            yield from page.get("data", [page])


def _customer(document: dict[str, Any]) -> Customer:
    external_id = document.get("externalCustomerId") or document.get("metadata", {}).get("externalCustomerId")
    return Customer(document["id"], external_id)


def _meter(document: dict[str, Any]) -> Meter:
    names = document.get("eventTypeFilter") or {}
    include = names.get("include")
    inactive_at = document.get("inactiveAt")
    return Meter(
        id=document["id"],
        code=document["code"],
        aggregation=document.get("aggregationType") or "SUM",
        key=document.get("aggregationKey"),
        include=None if include is None else frozenset(include),
        exclude=frozenset(names.get("exclude") or ()),
        filters=tuple(map(_filter, document.get("propertyFilters") or ())),
        group_keys=tuple(document.get("groupKeys") or ()),
        is_supported=not document.get("sql"),
        is_inactive=document.get("status") == "inactive",
        inactive_at=parse_instant(inactive_at) if inactive_at else None,
    )


def _filter(document: dict[str, Any]) -> PropertyFilter:
    def values(name: str) -> frozenset[Typed] | None:
        return frozenset(map(typed, document[name])) if name in document else None

    return PropertyFilter(document["name"], document.get("exists"), values("include"), values("exclude"))


def _plan(document: dict[str, Any]) -> Plan:
    usage = [pricing for pricing in document["pricing"] if pricing["model"] == "USAGE"]
    return Plan(
        document["id"],
        tuple(
            Pricing(
                pricing["id"],
                pricing["meterId"],
                pricing["priceInterval"],
                int(pricing.get("priceIntervalCount", 1)),
            )
            for pricing in usage
        ),
    )


def _contract(document: dict[str, Any]) -> Contract:
    end = document.get("endDate")
    return Contract(
        document["id"],
        document["customerId"],
        document["planId"],
        date.fromisoformat(document["startDate"]),
        date.fromisoformat(end) if end else None,
        _anchor(document.get("billingCycleAnchor")),
    )


def _anchor(value: str | Decimal | None) -> date | int | None:
    if value is None:
        return None
    if isinstance(value, str) and "-" in value:
        return date.fromisoformat(value)
    return int(value)
