"""Make the random catalogs of a world, and change them between imports."""

from __future__ import annotations

import random
from collections.abc import Sequence
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar

from tests.reference.instants import clocks_of
from tests.reference.world import Documents, Draft, Export, Step
from tests.reference.world_values import DAY, ERAS, EXTERNAL_IDS, HOUR, NAMES, PROPERTIES

Anything = TypeVar("Anything")


class CatalogMaker:
    """The catalogs of a world, and the random choices that all makers share."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.zone, today = self.pick(ERAS)
        self.today = (
            datetime.fromisoformat(today).replace(tzinfo=UTC) + self.random.randrange(86_400) * HOUR / 3600
        )
        if self.chance(0.2):
            self.today = self.midnight(self.today.date())
        self.properties = self.random.sample(PROPERTIES, 5)
        self.names = self.random.sample(NAMES, 4)
        self.documents = Documents()
        self.boundaries: list[datetime] = []
        self.drafts: list[Draft] = []
        self.key_count = 0
        self.bad_share = self.pick((0.0, 0.02, 0.04, 0.04, 0.25))
        self.clock = self.today
        self.steps: list[Step] = []
        self.exports: list[Export] = []
        self.older: list[Draft] = []

    def pick(self, options: Sequence[Anything]) -> Anything:
        return self.random.choice(options)

    def chance(self, share: float) -> bool:
        return self.random.random() < share

    # The catalog

    def make_catalog(self) -> Documents:
        documents = self.documents
        externals = self.random.sample(EXTERNAL_IDS, 6)
        for number in range(self.random.randint(3, 6)):
            documents.customers.append(self.customer(number, externals.pop()))
        for number in range(self.random.randint(3, 6)):
            documents.meters.append(self.meter(number))
        for number in range(self.random.randint(2, 3)):
            pricing = [self.pricing(f"{number}-{place}") for place in range(self.random.randint(1, 4))]
            documents.plans.append({"id": f"plan-{number}", "name": f"Plan {number}", "pricing": pricing})
        for customer in documents.customers:
            for _ in range(self.pick((0, 1, 1, 1, 2, 2, 3))):
                self.add_contract(customer["id"])
        documents.styles = {
            "customers": self.pick(("list", "lines", "page", "csv")),
            "meters": self.pick(("list", "lines", "page")),
            "plans": self.pick(("list", "page")),
            "contracts": self.pick(("list", "lines", "page", "csv")),
        }
        if any("metadata" in customer for customer in documents.customers):
            documents.styles["customers"] = "list"
        return documents

    def uuid(self) -> str:
        digits = f"{self.random.getrandbits(128):032x}"
        text = f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
        return text.upper() if self.chance(0.2) else text

    def customer(self, number: int, external: str) -> dict[str, Any]:
        customer: dict[str, Any] = {
            "id": self.pick((self.uuid(), f"cus {number}'")),
            "name": f"Customer {number}",
        }
        kind = self.pick(("none", "field", "field", "metadata"))
        if kind == "field":
            customer["externalCustomerId"] = external
        if kind == "metadata":
            customer["metadata"] = {"externalCustomerId": external}
        return customer

    def meter(self, number: int) -> dict[str, Any]:
        meter: dict[str, Any] = {
            "id": f"meter-{number}",
            "code": f"code'{number}%",
            "displayName": f'Meter "{number}"',
        }
        aggregation = self.pick((None, "COUNT", "SUM", "SUM", "MAX", "MIN"))
        if aggregation:
            meter["aggregationType"] = aggregation
        if aggregation != "COUNT":
            meter["aggregationKey"] = self.pick(self.properties[:3])
        names = {
            side: self.random.sample(self.names, self.random.randint(1, 2))
            for side in ("include", "exclude")
            if self.chance(0.3)
        }
        if names:
            meter["eventTypeFilter"] = names
        if self.chance(0.35):
            meter["propertyFilters"] = [self.property_filter() for _ in range(self.random.randint(1, 2))]
        if self.chance(0.5):
            meter["groupKeys"] = self.random.sample(self.properties, self.random.randint(1, 2))
        if self.chance(0.08):
            meter["sql"] = "SELECT sum(value) FROM events"
        if self.chance(0.15):
            meter["status"] = "inactive"
            if self.chance(0.6):
                meter["inactiveAt"] = (self.today - self.random.randrange(60) * DAY).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                )
        return meter

    def property_filter(self) -> dict[str, Any]:
        wanted: dict[str, Any] = {"name": self.pick(self.properties)}
        kinds = self.pick((["exists"], ["include"], ["exclude"], ["exclude"], ["exists", "exclude"]))
        for kind in kinds:
            wanted[kind] = self.chance(0.7) if kind == "exists" else [self.value() for _ in range(3)]
        return wanted

    def value(self) -> Any:
        return self.pick((1, 2, 7, True, False, "7", "eu", "us", "1", "it's", 'say "x"', "%s", 0.1, "é", 100))

    def pricing(self, name: str) -> dict[str, Any]:
        pricing = {
            "id": f"price-{name}",
            "name": "Usage",
            "meterId": self.pick(self.documents.meters)["id"],
            "model": "USAGE",
            "priceInterval": self.pick(("WEEK", "MONTH", "MONTH", "YEAR")),
            "priceIntervalCount": self.pick((1, 1, 1, 2, 3)),
            "unitAmount": 1,
        }
        if self.chance(0.1):
            pricing["model"] = "FLAT"
            del pricing["meterId"]
        return pricing

    def add_contract(self, customer_id: str) -> None:
        start = self.today.date() - timedelta(days=self.pick((-10, 0, 20, 31, 60, 90, 120, 200, 400, 800)))
        start = self.pick((start, start.replace(day=1), _last_of_month(start)))
        contract: dict[str, Any] = {
            "id": self.pick((self.uuid(), f"contract-{len(self.documents.contracts)}")),
            "customerId": customer_id,
            "planId": self.pick(self.documents.plans)["id"],
            "startDate": start.isoformat(),
        }
        if self.chance(0.35):
            contract["endDate"] = (
                start + timedelta(days=self.pick((1, 5, 28, 31, 60, 100, 365)))
            ).isoformat()
            contract["isActive"] = self.chance(0.5)
        anchor = self.pick((None, "day", "date"))
        if anchor == "day":
            contract["billingCycleAnchor"] = self.pick((1, 15, 28, 29, 30, 31))
        elif anchor == "date":
            other = start + timedelta(days=self.random.randint(-500, 200))
            contract["billingCycleAnchor"] = self.pick((other, _last_of_month(other))).isoformat()
        self.documents.contracts.append(contract)
        days = [date.fromisoformat(contract[name]) for name in ("startDate", "endDate") if name in contract]
        self.boundaries += [self.midnight(day) for day in days]

    def midnight(self, day: date) -> datetime:
        local = datetime(day.year, day.month, day.day, fold=self.pick((0, 1)), tzinfo=clocks_of(self.zone))
        return local.astimezone(UTC)

    def changed_catalog(self) -> Documents:
        self.documents = documents = deepcopy(self.documents)
        ways = (
            self.change_contract,
            self.change_meter,
            self.new_contract,
            self.new_customer,
            self.new_pricing,
        )
        for _ in range(self.random.randint(1, 3)):
            self.pick(ways)()
        written = deepcopy(documents)
        if written.contracts and self.chance(0.3):
            written.contracts.pop()
        return written

    def new_contract(self) -> None:
        self.add_contract(self.pick(self.documents.customers)["id"])

    def new_customer(self) -> None:
        if all(customer["id"] != "cus-new" for customer in self.documents.customers):
            self.documents.customers.append({"id": "cus-new", "name": "New", "externalCustomerId": "new one"})

    def new_pricing(self) -> None:
        self.pick(self.documents.plans)["pricing"].append(self.pricing(f"new-{self.random.random()}"))

    def change_contract(self) -> None:
        if not self.documents.contracts:
            return
        contract = self.pick(self.documents.contracts)
        change = self.pick(("end", "anchor", "plan", "customer"))
        if change == "end":
            start = date.fromisoformat(contract["startDate"])
            contract["endDate"] = (start + timedelta(days=self.pick((3, 30, 90)))).isoformat()
        elif change == "anchor":
            contract["billingCycleAnchor"] = self.pick((1, 31, 17))
        elif change == "plan":
            contract["planId"] = self.pick(self.documents.plans)["id"]
        else:
            contract["customerId"] = self.pick(self.documents.customers)["id"]

    def change_meter(self) -> None:
        meter = self.pick(self.documents.meters)
        change = self.pick(("groups", "filters", "status", "aggregation", "sql"))
        if change == "groups":
            meter["groupKeys"] = self.random.sample(self.properties, self.random.randint(0, 2))
        elif change == "filters":
            meter["propertyFilters"] = [self.property_filter()]
        elif change == "status":
            meter["status"] = "active" if meter.get("status") == "inactive" else "inactive"
            meter.pop("inactiveAt", None)
        elif change == "aggregation":
            meter |= {
                "aggregationType": self.pick(("SUM", "MAX", "MIN", "COUNT")),
                "aggregationKey": self.properties[0],
            }
        elif meter.pop("sql", None) is None:
            meter["sql"] = "SELECT count() FROM events"

    def change_pricing(self) -> None:
        pricing = self.pick(self.pick(self.documents.plans)["pricing"])
        change = self.pick(("interval", "count", "meter"))
        if change == "interval":
            pricing["priceInterval"] = self.pick(("WEEK", "MONTH", "YEAR"))
        elif change == "count":
            pricing["priceIntervalCount"] = self.pick((1, 2, 3))
        elif pricing["model"] == "USAGE":
            pricing["meterId"] = self.pick(self.documents.meters)["id"]

    def swap_customers(self) -> None:
        """Two customers change their external ids with each other."""
        named = [customer for customer in self.documents.customers if "externalCustomerId" in customer]
        if len(named) > 1:
            one, other = self.random.sample(named, 2)
            ids = other["externalCustomerId"], one["externalCustomerId"]
            one["externalCustomerId"], other["externalCustomerId"] = ids


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
