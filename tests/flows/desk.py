"""A desk: a folder, a database and a quick command line for one test, with the operations that tests need.

Commands are forks of one warm process, so that a test can afford many of them.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from tests.conftest import Answer
from tests.flows.small_installation import contract
from tests.flows.warm_commands import WarmCommands

CLOCK = "2026-03-10T12:00:00Z"
AT = "2026-02-03T04:05:06Z"
"""An instant in the one period that most tests need."""

Event = Mapping[str, Any] | bytes


def event(**fields: Any) -> dict[str, Any]:
    """An event that is accepted; a field that is None is left out."""
    whole = {"eventName": "call", "externalCustomerId": "acme", "timestamp": AT} | fields
    return {name: value for name, value in whole.items() if value is not None}


def meter(code: str, kind: str = "COUNT", key: str | None = None, **more: Any) -> dict[str, Any]:
    """A meter of the catalog."""
    return {"id": f"meter-{code}", "code": code, "aggregationType": kind, "aggregationKey": key} | more


CALLS = meter("calls")
TOTAL = meter("total", "SUM", "n")


def catalog_of(*meters: Mapping[str, Any], **more: Any) -> dict[str, list[dict[str, Any]]]:
    """Two customers with a monthly contract each that prices all these meters; `more` replaces a part of it."""
    pricings = [
        {"id": f"price-{one['code']}", "meterId": one["id"], "model": "USAGE", "priceInterval": "MONTH"}
        for one in meters
    ]
    return {
        "customers": [
            {"id": "cus-acme", "name": "Acme", "externalCustomerId": "acme"},
            {"id": "cus-bolt", "name": "Bolt", "externalCustomerId": "bolt"},
        ],
        "meters": [dict(one) for one in meters],
        "plans": [{"id": "plan", "name": "Plan", "pricing": pricings}],
        "contracts": [
            contract("con-acme", "cus-acme", "plan", "2026-01-01"),
            contract("con-bolt", "cus-bolt", "plan", "2026-01-01"),
        ],
    } | more


@dataclass(frozen=True)
class Desk:
    """The folder, the database and the command line of a test."""

    folder: Path
    database_url: str
    commands: WarmCommands

    def __call__(
        self, *arguments: str | Path, exit_code: int = 0, environment: Mapping[str, str] | None = None
    ) -> Answer:
        """Run a command and return its answer; asserts its exit code and that it shows no traceback."""
        ours = {"USAGE_IMPORT_DATABASE_URL": self.database_url, "PREFECT_API_URL": "", "COLUMNS": "200"}
        answer = self.commands.run(*map(str, arguments), environment=ours | dict(environment or {}))
        message = f"{' '.join(map(str, arguments))} ended with {answer.exit_code}\n{answer.out[-2000:]}\n{answer.err[-4000:]}"
        assert answer.exit_code == exit_code, message
        assert "Traceback" not in answer.err, message
        return Answer(answer.exit_code, answer.out, answer.err)

    def catalog(self, catalog: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        """Load a catalog."""
        self("catalog", self.write_catalog(catalog), "--clock", CLOCK)

    def write_catalog(self, catalog: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
        """Write a catalog folder."""
        folder = self.folder / "catalog"
        folder.mkdir(exist_ok=True)
        for kind, things in catalog.items():
            (folder / f"{kind}.json").write_text(json.dumps(things), encoding="utf-8")
        return folder

    def write(self, name: str, *events: Event) -> Path:
        """Write events as JSON lines; bytes are written as lines unchanged."""
        lines = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in events]
        return self.write_bytes(name, b"".join(line + b"\n" for line in lines))

    def write_bytes(self, name: str, content: bytes) -> Path:
        """Write a file."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def run(self, *arguments: str | Path, exit_code: int = 0, **more: Any) -> Any:
        """Import some files and return the ledger."""
        return self("run", *arguments, "--clock", CLOCK, "--json", exit_code=exit_code, **more).json

    def usage(self, *filters: str) -> list[dict[str, str]]:
        """Return the usage lines."""
        return list(csv.DictReader(io.StringIO(self("usage", *filters, "--format", "csv").out)))

    def counted(self, meter_code: str) -> dict[str, str]:
        """Return the quantities of a meter's lines that have events, by group."""
        lines = [line for line in self.usage("--meter", meter_code) if line["event_count"] != "0"]
        found = {line["group"]: line["quantity"] for line in lines}
        assert len(found) == len(lines), "tests that ask for groups have one contract and one period"
        return found

    def quantity(self, meter_code: str) -> str:
        """Return the quantity of the one line of a meter that has events."""
        [quantity] = self.counted(meter_code).values()
        return quantity

    def codes(self, import_id: int) -> dict[int, str]:
        """Return the rejection codes of an import by row."""
        return {one["row"]: one["code"] for one in self("rejects", str(import_id), "--json").json}

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        """Open a connection to the database."""
        address = (
            make_url(self.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        with psycopg.connect(address, autocommit=True) as connection:
            yield connection

    def select(self, statement: str) -> list[tuple[Any, ...]]:
        """Return the rows that a statement finds in the database."""
        with self.connected() as connection:
            return connection.execute(statement.encode()).fetchall()
