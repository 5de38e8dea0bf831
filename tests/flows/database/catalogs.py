"""Write catalog folders and apply them, for the tests of the catalog in the database."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from flows.catalog.read_catalog import CatalogFrames, catalog_frames, current_version, meter_rules
from flows.catalog.result import CatalogResult
from flows.imports.load_catalog import publish_catalog
from transforms.usage.meters import MeterRule

CLOCK = datetime(2026, 11, 1, tzinfo=UTC)
UUID = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"

Things = list[dict[str, Any]]
Folder = dict[str, Things]

CUSTOMERS: Things = [{"id": "c1", "name": "One", "externalCustomerId": "x1"}, {"id": "c2", "name": "Two"}]
METERS: Things = [
    {"id": "m1", "code": "calls", "aggregationType": "COUNT"},
    {"id": "m2", "code": "tokens", "aggregationKey": "n"},
]
PRICING: Things = [
    {"id": "r1", "model": "USAGE", "meterId": "m1", "priceInterval": "MONTH", "unitAmount": "0.10"},
    {"id": "r2", "model": "FLAT", "unitAmount": Decimal("5.00")},
]
PLANS: Things = [{"id": "p1", "name": "Plan", "pricing": PRICING}]
CONTRACTS: Things = [
    {"id": "k1", "customerId": "c1", "planId": "p1", "startDate": "2026-01-01", "billingCycleAnchor": 15},
    {"id": "k2", "customerId": "c2", "planId": "p1", "startDate": "2026-02-01", "endDate": "2026-05-01"},
]
EVERYTHING: Folder = {"customers": CUSTOMERS, "meters": METERS, "plans": PLANS, "contracts": CONTRACTS}


class Catalogs:
    """A folder that is written and applied, each time in a transaction of its own."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def write(self, folder: Folder) -> None:
        for kind, things in folder.items():
            (self.folder / f"{kind}.json").write_text(json.dumps(things, default=str))

    def apply(
        self,
        everything: Folder | None = None,
        *,
        clock: datetime = CLOCK,
        prune: bool = False,
        **kinds: Things,
    ) -> CatalogResult:
        self.write({**(everything or {}), **kinds})
        with self.engine.begin() as connection:
            return publish_catalog(
                connection, self.folder, clock=clock, prune=prune, reason="a test", allow_withdrawn=True
            )

    def frames(self) -> CatalogFrames:
        with self.engine.begin() as connection:
            return catalog_frames(connection)

    def version(self) -> int:
        with self.engine.begin() as connection:
            return current_version(connection)

    def rules(self) -> tuple[MeterRule, ...]:
        with self.engine.begin() as connection:
            return meter_rules(connection)

    def rows(self, statement: str) -> list[Any]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]
