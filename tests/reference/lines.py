"""From events to usage lines: assignment to contracts, pricings and periods, and the reasons of those on no line."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from tests.reference.catalog import Catalog, Contract, Meter, Plan, Pricing, same_id
from tests.reference.meters import Event, Group, aggregate, group_of, matches, usable
from tests.reference.periods import Period, coverage, periods

PARTLY = "partly_ambiguous"


@dataclass(frozen=True)
class Line:
    """One usage line, without the numbers that the storage gives it."""

    contract: Contract
    plan: Plan
    pricing: Pricing
    meter: Meter
    group: Group
    period: Period
    quantity: Decimal | None
    event_count: int
    unusable_count: int
    first_event_at: datetime | None
    last_event_at: datetime | None
    status: str


@dataclass(frozen=True)
class Assigned:
    """The contracts, pricings and meters on which an event counts, and the reason if it counts on fewer."""

    places: tuple[tuple[Contract, Pricing, Meter], ...]
    reason: str | None


def assign(event: Event, catalog: Catalog, zone: str) -> Assigned:
    """Every contract's pricing that the event counts on, or why on none."""
    contracts = [
        contract
        for contract in catalog.contracts.values()
        if same_id(contract.customer_id) == same_id(event.customer_id)
        and (event.contract_id is None or same_id(contract.id) == same_id(event.contract_id))
    ]
    covering = [contract for contract in contracts if coverage(contract, zone).holds(event.at)]
    places: list[tuple[Contract, Pricing, Meter]] = []
    is_ambiguous = False
    for meter in catalog.meters.values():
        if not matches(meter, event, catalog):
            continue
        priced = [
            [
                (contract, pricing, meter)
                for pricing in catalog.plans[same_id(contract.plan_id)].pricings
                if same_id(pricing.meter_id) == same_id(meter.id)
            ]
            for contract in covering
        ]
        priced = [pricings for pricings in priced if pricings]
        if len(priced) == 1:
            places += priced[0]
        is_ambiguous = is_ambiguous or len(priced) > 1
    if places:
        return Assigned(tuple(places), PARTLY if is_ambiguous else None)
    if is_ambiguous:
        return Assigned((), "ambiguous_contract")
    if not contracts:
        return Assigned((), "no_contract")
    return Assigned((), "no_meter" if covering else "outside_contract")


def usage_lines(events: Iterable[Event], catalog: Catalog, zone: str, clock: datetime) -> list[Line]:
    """Every line there is when the greatest clock of a publish is `clock`."""
    counted: dict[tuple[str, str], list[Event]] = defaultdict(list)
    for event in events:
        for contract, pricing, _ in assign(event, catalog, zone).places:
            counted[contract.id, pricing.id].append(event)

    lines = []
    for contract in catalog.contracts.values():
        plan = catalog.plans[same_id(contract.plan_id)]
        for pricing in plan.pricings:
            meter = catalog.meters[same_id(pricing.meter_id)]
            here = counted[contract.id, pricing.id]
            until = max([clock, *(event.at for event in here)])
            for period in periods(contract, pricing, zone, until):
                inside = [event for event in here if period.holds(event.at)]
                groups: dict[Group, list[Event]] = defaultdict(list)
                for event in inside:
                    groups[group_of(meter, event)].append(event)
                if not inside and period.start <= clock:
                    groups[()] = []
                for group, members in groups.items():
                    lines.append(_line(contract, plan, pricing, meter, period, group, members, clock))
    return lines


def _line(
    contract: Contract,
    plan: Plan,
    pricing: Pricing,
    meter: Meter,
    period: Period,
    group: Group,
    events: list[Event],
    clock: datetime,
) -> Line:
    status = "due" if period.end <= clock else "open"
    return Line(
        contract,
        plan,
        pricing,
        meter,
        group,
        period,
        aggregate(meter, events) if meter.is_supported else None,
        len(events),
        sum(usable(meter, event) is None for event in events),
        min((event.at for event in events), default=None),
        max((event.at for event in events), default=None),
        status if meter.is_supported else "unsupported",
    )
