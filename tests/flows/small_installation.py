"""A small installation for laws: one database, emptied between examples, driven through the functions of the flows.

Its catalog has two customers with contracts that end and begin in the middle of February, an older contract beside one of
them, and a meter of every aggregation; rows and catalogs are drawn from a few values each, so that they meet often.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.pool import NullPool

from flows.imports.check import check_sources
from flows.imports.load_catalog import publish_catalog
from flows.imports.recompute import run_rollup
from flows.imports.request import ImportRequest, Pace
from flows.imports.run import run_import
from flows.imports.runner import ThreadRunner
from flows.output.progress import NoDisplay, ProgressDisplay
from flows.usage.read_lines import UsageFilter, read_usage
from schemas.ledger import Ledger

CLOCK = datetime(2026, 3, 10, 12, tzinfo=UTC)
EVERYTHING = Decimal(1)
"""A share of rejected rows that fails only an import without any other row."""

LAW = settings(
    max_examples=int(os.environ.get("LAWS_EXAMPLES", "8")),
    phases=[phase for phase in Phase if phase is not Phase.shrink or os.environ.get("LAWS_SHRINK")],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
"""Each example costs some imports; `LAWS_EXAMPLES` sets their number, `LAWS_SHRINK` turns shrinking on."""

Row = Mapping[str, Any] | bytes
"""An event, or the bytes of a row that is no event."""

METERS: list[dict[str, Any]] = [
    {
        "id": "meter-calls",
        "code": "calls",
        "aggregationType": "COUNT",
        "eventTypeFilter": {"include": ["call"]},
    },
    {"id": "meter-sum", "code": "sum", "aggregationType": "SUM", "aggregationKey": "n"},
    {"id": "meter-most", "code": "most", "aggregationType": "MAX", "aggregationKey": "n", "groupKeys": ["g"]},
    {
        "id": "meter-least",
        "code": "least",
        "aggregationType": "MIN",
        "aggregationKey": "n",
        "eventTypeFilter": {"exclude": ["tick"]},
        "propertyFilters": [{"name": "g", "exclude": ["x"]}],
    },
]


def pricing(meter: str, interval: str = "MONTH", count: int = 1) -> dict[str, Any]:
    """Return usage pricing on a meter of METERS, by its code."""
    return {
        "id": f"price-{meter}-{interval}-{count}",
        "name": meter,
        "meterId": f"meter-{meter}",
        "model": "USAGE",
        "priceInterval": interval,
        "priceIntervalCount": count,
    }


def contract(
    number: str, customer: str, plan: str, start: str, end: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return a contract of a customer."""
    return {"id": number, "customerId": customer, "planId": plan, "startDate": start, "endDate": end} | more


CATALOG: dict[str, list[dict[str, Any]]] = {
    "customers": [
        {"id": "cus-acme", "name": "Acme", "externalCustomerId": "acme"},
        {"id": "cus-bolt", "name": "Bolt", "externalCustomerId": "bolt"},
    ],
    "meters": METERS,
    "plans": [
        {"id": "plan-all", "name": "All", "pricing": [pricing(meter["code"]) for meter in METERS]},
        {"id": "plan-weeks", "name": "Weeks", "pricing": [pricing("sum", "WEEK"), pricing("calls", "MONTH", 3)]},
    ],
    "contracts": [
        contract("con-acme", "cus-acme", "plan-all", "2026-01-01", "2026-02-15"),
        contract("con-acme-2", "cus-acme", "plan-weeks", "2026-02-15", billingCycleAnchor="2026-01-31"),
        contract("con-bolt", "cus-bolt", "plan-all", "2026-01-10", billingCycleAnchor=31),
        contract("con-bolt-old", "cus-bolt", "plan-weeks", "2026-01-01", "2026-01-20"),
    ],
}  # fmt: skip

INSTANTS = [
    "2026-01-09T23:59:59.999999Z",
    "2026-01-15T12:00:00Z",
    "2026-01-31T23:59:59.999999Z",
    "2026-02-01T00:00:00+00:00",
    "2026-02-15T05:30:00+05:30",
    "2026-03-01T00:00:00.000001Z",
]
PROPERTIES: list[dict[str, Any]] = [
    {},
    {"n": 1},
    {"n": 1.0},
    {"n": 2.5, "g": "x"},
    {"n": -7, "g": 1},
    {"n": "12.50", "g": "1"},
    {"n": "many", "g": True},
    {"g": 1.0},
]
BROKEN = [b"7", b'{"eventName":}', b'{"eventName":"call"}', b'{"eventName":"call","customerId":"nobody"}']


def events(
    *, keys: Sequence[str | None] = (None, "a", "b", "c"), is_omitting: bool = True
) -> st.SearchStrategy[Row]:
    """Return a strategy for events over few values; keys: their idempotency keys, None for an event without one."""
    return st.fixed_dictionaries(
        {
            "eventName": st.sampled_from(["call", "tick"]),
            "externalCustomerId": st.sampled_from(["acme", "bolt"]),
            "properties": st.sampled_from(PROPERTIES),
            "idempotencyKey": st.sampled_from(keys),
            "timestamp": st.sampled_from([*INSTANTS, None] if is_omitting else INSTANTS),
            "contractId": st.sampled_from([None, None, None, "con-acme", "con-bolt-old"]),
        }
    )


def exports(
    rows: st.SearchStrategy[Row], *, most: int = 3, rows_each: int = 8
) -> st.SearchStrategy[list[list[Row]]]:
    """Return a strategy for some files of some rows."""
    return st.lists(st.lists(rows, max_size=rows_each), min_size=1, max_size=most)


ROWS = events() | st.sampled_from(BROKEN)
"""Any row: mostly events, some of them with another customer's contract, and some rows that are no events."""


@dataclass(frozen=True)
class SmallInstallation:
    """A database and a folder, with the operations that laws need."""

    engine: Engine
    folder: Path

    def begin(
        self, catalog: Mapping[str, Sequence[Mapping[str, Any]]] = CATALOG, *, zone: str = "UTC"
    ) -> None:
        """Empty the database, and load a catalog."""
        with self.engine.begin() as connection:
            tables = connection.scalars(
                text(
                    "select tablename from pg_tables where schemaname = 'usage_import' and tablename <> 'usage_import_version'"
                )
            ).all()
            connection.execute(text("set local session_replication_role = replica"))
            for table in tables:
                statement = "drop table" if table.startswith("arrival") else "delete from"
                connection.execute(text(f"{statement} {table}"))
            for sequence in connection.scalars(text("select sequencename from pg_sequences")).all():
                connection.execute(text(f"alter sequence {sequence} restart"))
            connection.execute(
                text("insert into settings (name, value) values ('billing_time_zone', :zone)"), {"zone": zone}
            )
        self.catalog(catalog)

    def catalog(self, catalog: Mapping[str, Sequence[Mapping[str, Any]]], *, clock: datetime = CLOCK) -> None:
        """Load a catalog."""
        folder = self.folder / "catalog"
        folder.mkdir(exist_ok=True)
        for kind, things in catalog.items():
            (folder / f"{kind}.json").write_text(json.dumps(things))
        with self.engine.begin() as connection:
            publish_catalog(connection, folder, clock=clock, reason="a law", allow_withdrawn=True)

    def write(self, name: str, rows: Iterable[Row]) -> str:
        """Write an export of JSON lines and return its path."""
        lines = [row if isinstance(row, bytes) else json.dumps(row).encode() for row in rows]
        path = self.folder / f"{name}.jsonl"
        path.write_bytes(b"".join(line + b"\n" for line in lines))
        return str(path)

    def run(
        self,
        *paths: str,
        pace: Pace | None = None,
        clock: datetime = CLOCK,
        mapping: str | None = None,
        display: ProgressDisplay | None = None,
    ) -> Ledger:
        """Import some files with the stages called directly, and return the ledger."""
        runner = ThreadRunner(self.engine, pace=pace or Pace(workers=1), display=display or NoDisplay())
        return run_import(request_for(paths, clock=clock, mapping=mapping or self.expecting()), runner).ledger

    def check(self, *paths: str) -> Ledger:
        """Check some files and return the ledger."""
        request = request_for(paths, mapping=self.expecting())
        return check_sources(self.engine, request, pace=Pace(workers=1), display=NoDisplay()).ledger

    def expecting(self) -> str:
        """Write a mapping that leaves everything as it is and expects corrections, and return its path.

        Its guards look at one import, so files at once could pass and the same files one after another not.
        """
        path = self.folder / "expecting.toml"
        path.write_text('corrections = "expected"\n')
        return str(path)

    def rollup(self, *, clock: datetime = CLOCK) -> Ledger:
        """Recompute the lines for the current catalog."""
        return run_rollup(self.engine, clock=clock, reason=None, wait=False, display=NoDisplay())

    def rollup_from_scratch(self) -> Ledger:
        """Recompute everything, as if nothing had ever been rolled up."""
        with self.engine.begin() as connection:
            connection.execute(text("delete from rollup_state"))
        return self.rollup()

    def lines(self) -> list[dict[str, Any]]:
        """Return the usage lines as `usage` shows them."""
        with self.engine.begin() as connection:
            return [line for batch in read_usage(connection, UsageFilter()) for line in batch]

    def numbers(self) -> list[dict[str, Any]]:
        """Return the usage lines without the columns that depend on the publish that wrote them."""
        return [
            {name: line[name] for name in line if name not in {"revision", "import_id"}}
            for line in self.lines()
        ]

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds, as plain tuples."""
        with self.engine.connect() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]

    def stored(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return all that imports store in the database, except instants of work and chunks."""
        return {name: self.select(statement) for name, statement in STORED.items()}


EVENT = "key::text, at, file_id, row, customer_no, contract_no, is_deleted, event_name, record_version, properties::text"
STORED = {
    "events": f"select {EVENT} from events order by 1",
    "superseded": f"select {EVENT}, standing, import_id from superseded order by 1, 3, 4",
    "duplicates": "select key::text, file_id, row, version_file_id, version_row, record_version from duplicates order by 2, 3",
    "rejections": """
        select import_id, file_id, row, line, byte_offset, code, message, field, value, raw, raw_length from rejections
        order by 1, 2, 3
    """,
    "folded_usage": """
        select customer_no, pinned_contract_no, meter_no, group_key, count(quantity) > 0, sum(event_count), sum(unusable_count),
               min(first_at), max(last_at)
        from folded_usage group by 1, 2, 3, 4 order by 1, 2, 3, 4
    """,
    "folded_matches": """
        select customer_no, pinned_contract_no, event_name, meters, sum(event_count), min(first_at), max(last_at) from folded_matches
        group by 1, 2, 3, 4 order by 1, 2, 3, 4
    """,
    "usage_lines": """
        select line_id::text, revision, quantity, event_count, unusable_count, first_event_at, last_event_at, group_key,
               period_start, period_end, is_withdrawn, import_id, publish_no, replaced_publish_no
        from usage_lines order by 1, 2
    """,
}  # fmt: skip


def request_for(
    paths: Sequence[str], *, clock: datetime = CLOCK, mapping: str | None = None
) -> ImportRequest:
    """Return a request to import some files, whatever share of their rows is rejected."""
    return ImportRequest(sources=tuple(paths), clock=clock, max_rejected=EVERYTHING, mapping_file=mapping)


@contextmanager
def small_installation(database_url: str, folder: Path) -> Iterator[SmallInstallation]:
    """Open a small installation in a database that has the schema."""
    with opened(database_url) as engine:
        yield SmallInstallation(engine, folder)


@contextmanager
def opened(database_url: str) -> Iterator[Engine]:
    """Open the database of a test, without waiting for the disk at each commit."""
    url = make_url(database_url).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, connect_args={"options": "-c synchronous_commit=off"})
    yield engine
    engine.dispose()
