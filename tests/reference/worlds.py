"""Random worlds: a catalog, exports of several files, and the commands that import them.

A world is lists of small things, so that a disagreement can be shrunk by leaving things out. Everything random comes from
one seed. Files are bytes: what they mean is for the readers to find out.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from tests.reference.instants import clocks_of

Anything = TypeVar("Anything")

MICROSECOND = timedelta(microseconds=1)
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

# fmt: off
NAMES = (
    "llm_request", "api call", "it's", "100%", "{x}", 'dq"', "ev;drop--", "Überraschung", ":param", "%(x)s", "\\d",
)
PROPERTIES = (
    "tokens", "region", "model", "a b", 'q\'uo"te', "per%cent", "br{ace}", "$x", "ünï", "a.b", "semi;", "\\n",
)
NUMBERS = (
    "1", "1.0", "1e0", "2", "0", "-0", "-3", "10", "9", "0.1", "0.10", "1E2", "100", "7", "-2.50", "0.3",
    "1234567890123456789012345678", "0.0000000000000000000000000001", "9007199254740993", "1e15", "123456.789e-3",
)
TEXTS = (
    "7", " 7", "1e3", "NaN", "+5", ".5", "1,000", "-0", "0x1F", "eu", "us", "EU", "", "true", "1", "1.0", "null", "{x}",
    "%s", "it's", 'say "x"', "a;b", "é", "e\u0301", "line\nbreak", "tab\t", "\u0001", "back\\slash", "=1+1", "１",
)
RARE_NUMBERS = ("1e999", "1e-1000", "9" * 1000, "0." + "0" * 999 + "1")
EXTERNAL_IDS = (
    "Contoso", "contoso", "Café", "Cafe\u0301", "o'hara & sons", "100% {x}", 'quo"te', "a,b;c", "acme gmbh", "ACME GmbH",
    "\\", "客户", "x" * 255,
)
ERAS = (
    ("UTC", "2026-04-10"), ("UTC", "2024-03-01"), ("America/Los_Angeles", "2026-03-20"), ("Australia/Lord_Howe", "2026-04-20"),
    ("Africa/Cairo", "2026-05-03"), ("America/Santiago", "2026-09-20"), ("America/Havana", "2025-11-05"),
    ("Atlantic/Azores", "2026-11-02"), ("Pacific/Apia", "2012-01-15"), ("America/St_Johns", "2010-11-20"),
    ("Asia/Kathmandu", "2027-01-05"), ("Europe/Berlin", "2026-04-02"), ("America/New_York", "2024-03-12"),
)
STYLES = (
    ("lines", "jsonl"), ("lines", "jsonl"), ("lines", "ndjson"), ("body", "json"), ("array", "json"), ("bodies", "jsonl"),
    ("csv", "csv"),
)
BROKEN_ROWS = (
    b'{"eventName": ', b"nonsense", b"5", b'"x"', b'{"eventName":"a","customerId":"b",}', b"{'eventName':'a'}",
    b'{"eventName":"a","customerId":"b","properties":{"a":NaN}}', b'{"eventName":"\xff"}', b'{"x":"\\ud800"}',
    b'{"eventName":"a","x":' + b"[" * 100 + b"]" * 100 + b"}", b'{"eventName":"a"}}', b'{"eventName":01}',
    b'{"eventName":"a","properties":{"\\udc00":1}}', b'{"a":"tab\there"}', b"null", b'{"a":tru}', b'{"a":+1}',
)
BROKEN_TIMESTAMPS = (
    '"2026-01-01"', '"2026-01-01T00:00:00"', '"2026-01-01T24:00:00Z"', '"2026-01-01T23:59:60Z"', "1767225600",
    '"2026-01-01T00:00Z"', '"2026-02-30T00:00:00Z"', '"0000-01-01T00:00:00Z"', '"0001-01-01T00:00:00+01:00"',
    '"2026-01-01T00:00:00.Z"', '"2026-01-01T00:00:00  Z"', '"2026-01-01T00:00:00utc"', '"26-01-01T00:00:00Z"',
    '" 2026-01-01T00:00:00Z"', '"2026-01-01T00:00:00+1"', '"2026-01-01T00:00:00,5Z"', '"yesterday"', "true", "{}",
    '"2026-01-01  00:00:00Z"', '"2026-1-1T00:00:00Z"', '"２０２６-01-01T00:00:00Z"', '"2026-01-01T00:00:00Z "',
    '"2026-01-01T00:60:00Z"', '"2025-02-29T00:00:00Z"', '"2026-01-01T00:00:00GMT"', '"20260101T000000Z"',
)
NO_PROPERTIES = ('"x"', "5", "[]", "true", '[{"a":1}]')
BROKEN_VALUES = ("null", "[1]", "{}", "1e1000", "1e-1001", "1" * 1001, '"a\\u0000b"', "-1e999999999999999999999")
BROKEN_FIELDS = ("5", "false", "{}", '["a"]', '"' + "x" * 256 + '"', '"a\\u0007b"', '"a\\u007f"', '"\\u0000"')
VERSIONS = ("", "1", "2", "2.0", "3", "10", "9", "2026-01-01T00:00:00Z", "2026-01-01 00:00:01Z")
# fmt: on
SNAKE = {
    "eventName": "event_name",
    "customerId": "customer_id",
    "externalCustomerId": "external_customer_id",
    "timestamp": "timestamp",
    "properties": "properties",
    "idempotencyKey": "idempotency_key",
    "contractId": "contract_id",
}
TEXT_FIELDS = [name for name in SNAKE if name != "properties"]
MAPPED_FIELDS = {
    "timestamp": "when",
    "idempotencyKey": "key",
    "eventName": "what",
    "customerId": "who",
    "externalCustomerId": "whose",
    "contractId": "pin",
}


@dataclass
class Documents:
    """The documents of one catalog folder, and how each kind is written."""

    customers: list[dict[str, Any]] = field(default_factory=list)
    meters: list[dict[str, Any]] = field(default_factory=list)
    plans: list[dict[str, Any]] = field(default_factory=list)
    contracts: list[dict[str, Any]] = field(default_factory=list)
    styles: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        for kind in ("customers", "meters", "plans", "contracts"):
            documents = getattr(self, kind)
            if documents:
                style = self.styles.get(kind, "list")
                suffix = {"lines": "jsonl", "csv": "csv"}.get(style, "json")
                (folder / f"{kind}.{suffix}").write_text(
                    _written(documents, style), encoding="utf-8", newline=""
                )


def _written(documents: list[dict[str, Any]], style: str) -> str:
    if style == "lines":
        return "".join(json.dumps(document) + "\n" for document in documents)
    if style == "page":
        return json.dumps({"data": documents}, indent=1, ensure_ascii=False)
    if style == "csv":
        names = sorted(
            {name for document in documents for name in document if name not in ("metadata", "isActive")}
        )
        out = io.StringIO(newline="")
        writer = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(documents)
        return out.getvalue()
    return json.dumps(documents, ensure_ascii=False)


@dataclass
class Export:
    """One file: its name, how it is written, and its rows as bytes (JSON texts, or CSV records)."""

    name: str
    style: str
    rows: list[bytes]
    header: bytes = b""
    line_end: bytes = b"\n"
    has_mark: bool = False
    is_mapped: bool = False

    def render(self) -> bytes:
        end = self.line_end
        if self.style == "csv":
            data = end.join([self.header, *self.rows]) + end
        elif self.style == "body":
            data = b'{"events": [' + end + (b"," + end).join(self.rows) + end + b"]}"
        elif self.style == "array":
            data = b"[" + b",".join(self.rows) + b"]" + end
        else:
            data = end.join(self.rows) + end
        data = (b"\xef\xbb\xbf" if self.has_mark else b"") + data
        return _gzipped(data) if self.name.endswith(".gz") else data


def _gzipped(data: bytes) -> bytes:
    """Two members, one after the other."""
    half = len(data) // 2
    return gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)


@dataclass
class Step:
    """One command: `catalog`, `run`, `rollup` or `zone` (a changed setting), at a clock."""

    command: str
    clock: datetime
    documents: Documents | None = None
    files: list[str] = field(default_factory=list)
    mapping: str | None = None
    most_rejected: str | None = None
    zone: str = ""


@dataclass
class World:
    """Everything there is, in the order in which it happens."""

    seed: int
    zone: str
    steps: list[Step]
    exports: list[Export]

    def commands(self) -> str:
        """The commands of the world, for a reader."""
        told = [f"settings billing_time_zone {self.zone}"]
        for number, step in enumerate(self.steps):
            what = {"catalog": f"catalog-{number}", "run": " ".join(step.files)}.get(step.command, step.zone)
            options = f" --mapping mapping-{number}.toml" if step.mapping else ""
            options += f" --max-rejected {step.most_rejected}" if step.most_rejected else ""
            told.append(f"{step.command} {what} --clock {step.clock.isoformat()}{options}")
        return "\n".join(told)


@dataclass
class Draft:
    """An event before it is written: JSON texts by field, and property names with JSON texts."""

    fields: dict[str, str]
    properties: list[tuple[str, str]]
    at: datetime | None = None
    raw: bytes | None = None


def make_world(seed: int, *, rows: int = 200, files: int = 3) -> World:
    """The world of this seed: `rows` rows in all, in `files` files."""
    return _Maker(seed).world(rows, files)


@dataclass(frozen=True)
class Mapped:
    """A vendor's way of writing events as CSV, and the mapping that reads it."""

    zone: str | None
    unit: str | None
    key: str
    has_version: bool
    has_deleted: bool
    is_timestamp_required: bool
    oldest: datetime | None
    refuses_corrections: bool
    properties: dict[str, str | None]
    is_rest: bool

    def columns(self) -> list[str]:
        """The columns before those of the properties."""
        wanted = {"key": self.key != "none", "upd at": self.has_version, "gone?": self.has_deleted}
        return [name for name in (*MAPPED_FIELDS.values(), "upd at", "gone?") if wanted.get(name, True)]

    def column_of(self, name: str) -> str:
        return name if self.is_rest else f"p {name}"

    def text(self) -> str:
        told = {
            'properties = "rest"': self.is_rest,
            f"time_zone = {json.dumps(self.zone)}": self.zone is not None,
            'missing_timestamp = "reject"': self.is_timestamp_required,
            f"oldest = {self.oldest or FOREVER:%Y-%m-%dT%H:%M:%SZ}": self.oldest is not None,
            'on_conflict = "reject"': self.refuses_corrections,
            'version = { column = "upd at" }': self.has_version,
            'deleted = { column = "gone?", equals = "yes" }': self.has_deleted,
        }
        lines = [line for line, is_told in told.items() if is_told]
        lines += ["[fields]", *map(self.field_line, MAPPED_FIELDS)]
        if not self.is_rest:
            lines += ["[properties]", *map(self.property_line, self.properties)]
        return "\n".join(line for line in lines if line) + "\n"

    def field_line(self, name: str) -> str:
        column = MAPPED_FIELDS[name]
        if name == "timestamp" and self.unit:
            return f'{name} = {{ column = "{column}", unit = "{self.unit}" }}'
        if name == "idempotencyKey":
            template = '{ template = "t-{key}-{what}" }'
            return {"none": "", "template": f"{name} = {template}"}.get(
                self.key, f'{name} = {{ column = "{column}" }}'
            )
        return f'{name} = {{ column = "{column}" }}'

    def property_line(self, name: str) -> str:
        kind = self.properties[name]
        told = json.dumps(self.column_of(name), ensure_ascii=False) + (f', type = "{kind}"' if kind else "")
        return f"{json.dumps(name, ensure_ascii=False)} = {{ column = {told} }}"


class _Maker:
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
        self.edges: list[datetime] = []
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
        self.edges += [self.midnight(day) for day in days]

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
        told = deepcopy(documents)
        if told.contracts and self.chance(0.3):
            told.contracts.pop()
        return told

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

    # Events

    def instant(self) -> datetime:
        kind = self.random.random()
        if kind < 0.25 and self.edges:
            at = self.pick(self.edges) + self.pick((-1, 0, 0, 1)) * self.pick(
                (MICROSECOND, HOUR, MICROSECOND)
            )
        elif kind < 0.4:
            day = (self.today - self.random.randrange(120) * DAY).date().replace(day=1)
            at = self.midnight(day) + self.pick((-1, 0, 1)) * MICROSECOND
        elif kind < 0.5:
            at = self.clock + self.pick((HOUR, -HOUR, HOUR - MICROSECOND, timedelta(0)))
        else:
            at = self.today - self.random.random() * self.pick((1, 3, 20, 60, 90, 400)) * DAY
        return min(at, self.clock + HOUR)

    def written_instant(self, at: datetime) -> str:
        offset = timedelta(minutes=self.pick((0, 0, 0, 60, -480, 345, -210, 840)))
        local = at + offset
        text = local.strftime(f"%Y-%m-%d{self.pick('TTt ')}%H:%M:%S")
        if local.microsecond or self.chance(0.1):
            text += f".{local.microsecond:06d}" + self.pick(("", "", "9", "123"))
        if not offset:
            return text + self.pick(("Z", "Z", "z", "UTC", " UTC", "+00:00", "-0000", " +00"))
        minutes = abs(int(offset.total_seconds())) // 60
        sign = "-" if offset < timedelta(0) else "+"
        zones = [f"{minutes // 60:02d}:{minutes % 60:02d}", f"{minutes // 60:02d}{minutes % 60:02d}"]
        if minutes % 60 == 0:
            zones.append(f"{minutes // 60:02d}")
        return text + self.pick(("", "", " ")) + sign + self.pick(zones)

    def literal(self) -> str:
        kind = self.random.random()
        if kind < 0.45:
            return str(self.pick(NUMBERS))
        if kind < 0.46:
            return str(self.pick(RARE_NUMBERS))
        if kind < 0.55:
            return str(self.pick(("true", "false")))
        return self.quoted(self.pick(TEXTS))

    def quoted(self, text: str) -> str:
        if text and self.chance(0.1):
            return '"' + "".join(f"\\u{ord(c):04X}" if ord(c) < 0x10000 else c for c in text) + '"'
        return json.dumps(text, ensure_ascii=self.chance(0.5))

    def new_draft(self, *, keyed: bool) -> Draft:
        draft = Draft({}, [])
        draft.fields["eventName"] = self.quoted(self.pick(self.names))
        self.name_customer(draft, self.pick(self.documents.customers))
        if self.chance(0.95):
            self.set_instant(draft, self.instant())
        if self.chance(0.12):
            self.pin(draft)
        if keyed:
            self.key_count += 1
            key = f"k-{self.key_count}" + self.pick(
                ("", "", "", "'", '"', "%s", "{x}", " ", "é", "-" + "k" * 240)
            )
            draft.fields["idempotencyKey"] = self.quoted(key)
        draft.properties = self.some_properties()
        return draft

    def some_properties(self) -> list[tuple[str, str]]:
        names = self.random.sample(self.properties, self.random.randint(0, 4))
        return [(name, self.literal()) for name in names]

    def name_customer(self, draft: Draft, customer: dict[str, Any]) -> None:
        for name in ("customerId", "externalCustomerId"):
            draft.fields.pop(name, None)
        external = customer.get("externalCustomerId") or customer.get("metadata", {}).get(
            "externalCustomerId"
        )
        if external is None or self.chance(0.4):
            given = customer["id"]
            if len(given) == 36 and self.chance(0.2):
                given = given.swapcase()
            draft.fields["customerId"] = self.quoted(given)
        if external is not None and ("customerId" not in draft.fields or self.chance(0.2)):
            draft.fields["externalCustomerId"] = self.quoted(external)

    def set_instant(self, draft: Draft, at: datetime) -> None:
        draft.at = at
        draft.fields["timestamp"] = json.dumps(self.written_instant(at))

    def pin(self, draft: Draft) -> None:
        for contract in self.random.sample(self.documents.contracts, len(self.documents.contracts)):
            owner = next(
                (one for one in self.documents.customers if one["id"] == contract["customerId"]), None
            )
            if owner is not None:
                self.name_customer(draft, owner)
                draft.fields["contractId"] = self.quoted(contract["id"])
                return

    def correction(self, draft: Draft) -> Draft:
        draft = deepcopy(draft)
        change = self.pick(
            ("customer", "name", "time", "properties", "properties", "omitted", "pin", "nothing")
        )
        if change == "customer":
            draft.fields.pop("contractId", None)
            self.name_customer(draft, self.pick(self.documents.customers))
        elif change == "name":
            draft.fields["eventName"] = self.quoted(self.pick(self.names))
        elif change == "time":
            self.set_instant(draft, self.instant())
        elif change == "properties":
            draft.properties = self.some_properties()
        elif change == "omitted":
            draft.fields.pop("timestamp", None)
            draft.at = None
        elif change == "pin":
            self.pin(draft)
        return draft

    def next_draft(self) -> Draft:
        kind = self.random.random()
        keyed = [draft for draft in self.drafts if "idempotencyKey" in draft.fields]
        if kind < self.bad_share:
            draft = self.new_draft(keyed=self.chance(0.8))
            self.spoil(draft)
            if self.chance(0.15):
                self.spoil(draft)
            return draft
        if self.drafts and kind < self.bad_share + 0.08:
            return deepcopy(self.pick(self.drafts))
        if keyed and kind < self.bad_share + 0.2:
            return self.correction(self.pick(keyed))
        draft = self.new_draft(keyed=self.chance(0.75))
        self.drafts.append(draft)
        return draft

    # Rows that must be rejected

    def spoil(self, draft: Draft) -> None:
        ways = (
            self.spoil_row,
            self.spoil_name,
            self.spoil_customer,
            self.mistake_customer,
            self.mismatch_customers,
        )
        more = (
            self.spoil_timestamp,
            self.tell_the_future,
            self.spoil_properties,
            self.spoil_field,
            self.spoil_pin,
        )
        self.pick(ways + more)(draft)

    def spoil_row(self, draft: Draft) -> None:
        draft.raw = self.pick(BROKEN_ROWS)

    def spoil_name(self, draft: Draft) -> None:
        draft.fields["eventName"] = self.pick(("null", '""'))

    def spoil_customer(self, draft: Draft) -> None:
        draft.fields.pop("customerId", None)
        draft.fields.pop("externalCustomerId", None)
        if self.chance(0.3):
            draft.fields["customerId"] = '""'

    def mistake_customer(self, draft: Draft) -> None:
        known = [one["externalCustomerId"] for one in self.documents.customers if "externalCustomerId" in one]
        near = [text.swapcase() for text in known] + [f"{text[:250]} " for text in known]
        given = self.pick(["nobody", "null", "new one", "00000000-0000-0000-0000-000000000000", *near])
        name = self.pick(("customerId", "externalCustomerId", "externalCustomerId"))
        draft.fields[name] = self.quoted(given)

    def mismatch_customers(self, draft: Draft) -> None:
        draft.fields["customerId"] = self.quoted(self.pick(self.documents.customers)["id"])
        known = [one["externalCustomerId"] for one in self.documents.customers if "externalCustomerId" in one]
        if known:
            draft.fields["externalCustomerId"] = self.quoted(self.pick(known))

    def spoil_timestamp(self, draft: Draft) -> None:
        draft.fields["timestamp"] = self.pick(BROKEN_TIMESTAMPS)

    def tell_the_future(self, draft: Draft) -> None:
        ahead = self.pick((HOUR + MICROSECOND, HOUR + timedelta(seconds=1), 40 * DAY))
        self.set_instant(draft, self.clock + ahead)

    def spoil_properties(self, draft: Draft) -> None:
        if self.chance(0.3):
            draft.fields["properties"] = self.pick(NO_PROPERTIES)
        elif self.chance(0.1):
            draft.properties.append(("nu\0l", "1"))
        else:
            draft.properties.append(("bad", self.pick(BROKEN_VALUES)))
            if self.chance(0.1):
                draft.properties.append(("bad", "1"))

    def spoil_field(self, draft: Draft) -> None:
        name = self.pick(("eventName", "customerId", "externalCustomerId", "idempotencyKey", "contractId"))
        draft.fields[name] = self.pick(BROKEN_FIELDS)

    def spoil_pin(self, draft: Draft) -> None:
        others = [one["id"] for one in self.documents.contracts]
        draft.fields["contractId"] = self.quoted(self.pick(["no contract", *others]))

    # Files

    def json_row(self, draft: Draft) -> bytes:
        if draft.raw is not None:
            return draft.raw
        fields = list(draft.fields.items())
        if "properties" not in draft.fields and (draft.properties or self.chance(0.3)):
            space = self.pick(("", "", " "))
            inside = ",".join(f"{self.quoted(name)}:{space}{value}" for name, value in draft.properties)
            fields.append(("properties", "{" + inside + "}"))
        if self.chance(0.1):
            self.random.shuffle(fields)
        if self.chance(0.1):
            fields = [(SNAKE[name], value) for name, value in fields]
        if self.chance(0.05):
            fields.append(
                (self.pick(("extra", "Timestamp", "quantity")), self.pick(("1", '"x"', '{"a":[null]}')))
            )
        if self.chance(0.03):
            fields.insert(0, (fields[-1][0], '"first of two"'))
        if self.chance(0.03):
            fields.append((self.pick(("contract_id", "idempotency_key")), "null"))
        return ("{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in fields) + "}").encode()

    def export(self, number: int, drafts: list[Draft]) -> Export:
        style, suffix = self.pick(STYLES)
        name = f"export-{number}.{suffix}" + self.pick(("", "", ".gz"))
        line_end = self.pick((b"\n", b"\n", b"\r\n"))
        has_mark = self.chance(0.1)
        if style == "csv":
            header, rows = self.csv_rows(drafts)
            return Export(name, style, rows, header, line_end, has_mark)
        if style in ("body", "array"):
            drafts = [draft for draft in drafts if draft.raw is None]
        rows = self.bodies(drafts) if style == "bodies" else [self.json_row(draft) for draft in drafts]
        return Export(name, style, rows, b"", line_end, has_mark)

    def bodies(self, drafts: list[Draft]) -> list[bytes]:
        """Bodies of one to four events, one a line; broken rows on lines of their own."""
        lines = [self.json_row(draft) for draft in drafts if draft.raw is not None]
        if lines:
            lines.append(b'{"events":[{"eventName":"a"}, {"eventName":')
        rows = [self.json_row(draft) for draft in drafts if draft.raw is None]
        while rows:
            size = self.random.randint(1, 4)
            some, rows = rows[:size], rows[size:]
            lines += [b'{"events":[' + b", ".join(some) + b"]}"] if size > 1 else some
        return lines

    def csv_rows(self, drafts: list[Draft]) -> tuple[bytes, list[bytes]]:
        names = [SNAKE[name] if self.chance(0.1) else name for name in TEXT_FIELDS]
        header = [*names, *(f"properties.{name}" for name in self.properties), "extra"]
        rows = []
        for draft in drafts:
            properties = dict(draft.properties)
            cells = [_cell(draft.fields.get(name)) for name in TEXT_FIELDS]
            cells += [_cell(properties.get(name)) for name in self.properties]
            cells.append("x" if self.chance(0.05) else "")
            rows.append(self.csv_record(cells, draft))
        return csv_line(header), rows

    def csv_record(self, cells: list[str], draft: Draft) -> bytes:
        if draft.raw is None:
            return csv_line(cells)
        broken = csv_line(["a\ue000", *cells[1:]]).replace("\ue000".encode(), b"\xff")
        return self.pick((csv_line(cells[:-1]), csv_line([*cells, "more"]), broken))

    # Mapped files

    def mapping(self) -> Mapped:
        zone = self.pick((None, self.zone, self.zone))
        has_version = self.chance(0.35)
        return Mapped(
            zone=zone,
            unit=self.pick((None, None, "s", "ms", "us")) if zone is None else None,
            key=self.pick(("column", "column", "template", "none")),
            has_version=has_version,
            has_deleted=self.chance(0.35),
            is_timestamp_required=self.chance(0.15),
            oldest=self.today - 400 * DAY if self.chance(0.3) else None,
            refuses_corrections=not has_version and self.chance(0.25),
            properties={name: self.pick((None, None, "text")) for name in self.properties},
            is_rest=self.chance(0.4),
        )

    def settings(self) -> str:
        """A mapping that leaves fields and properties as they are named."""
        oldest = self.today - 400 * DAY
        told = (
            'missing_timestamp = "reject"',
            'on_conflict = "reject"',
            f"oldest = {oldest:%Y-%m-%dT%H:%M:%SZ}",
        )
        return "\n".join(self.random.sample(told, self.random.randint(1, 2))) + "\n"

    def mapped_export(self, number: int, mapped: Mapped, drafts: list[Draft]) -> Export:
        header = [*mapped.columns(), *map(mapped.column_of, self.properties)]
        records = [self.csv_record(self.mapped_cells(mapped, draft), draft) for draft in drafts]
        line_end = self.pick((b"\n", b"\r\n"))
        return Export(f"export-{number}.csv", "csv", records, csv_line(header), line_end)

    def mapped_cells(self, mapped: Mapped, draft: Draft) -> list[str]:
        cells = {column: _cell(draft.fields.get(name)) for name, column in MAPPED_FIELDS.items()}
        cells["when"] = self.mapped_instant(draft, mapped)
        cells["upd at"] = "soon" if self.chance(0.005) else self.pick(VERSIONS)
        is_keyed = mapped.key != "none" and "idempotencyKey" in draft.fields
        cells["gone?"] = self.pick(("", "", "", "no", "yes")) if is_keyed and self.chance(0.5) else ""
        properties = dict(draft.properties)
        return [cells[name] for name in mapped.columns()] + [
            _cell(properties.get(name)) for name in self.properties
        ]

    def mapped_instant(self, draft: Draft, mapped: Mapped) -> str:
        if draft.at is not None and mapped.unit:
            microseconds = (draft.at - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
            return str(microseconds // {"s": 1_000_000, "ms": 1_000, "us": 1}[mapped.unit])
        if draft.at is not None and mapped.zone and self.chance(0.7):
            local = draft.at.astimezone(clocks_of(mapped.zone))
            if self.chance(0.05):
                local = self.midnight(local.date()).astimezone(clocks_of(mapped.zone))
                local = local.replace(hour=self.pick((0, 1, 2)), minute=30)
            return local.strftime(f"%Y-%m-%d{self.pick('T ')}%H:%M:%S.%f")
        return _cell(draft.fields.get("timestamp"))

    # The whole

    def world(self, rows: int, files: int) -> World:
        self.steps.append(Step("catalog", self.clock - DAY, deepcopy(self.make_catalog())))
        for size in self.pick(([files], [1] * files, [1, files - 1], [files - 1, 1])):
            if self.exports and self.chance(0.25):
                self.steps.append(Step("catalog", self.clock, self.changed_catalog()))
            self.add_run(size, rows // files)
            if self.chance(0.1):
                self.steps.append(Step("zone", self.clock, zone=self.pick(ERAS)[0]))
            if self.chance(0.15):
                self.steps.append(Step("rollup", self.clock + self.pick((-1, 5, 40)) * DAY))
            self.advance()
        if self.chance(0.3):
            again = self.pick([step for step in self.steps if step.command == "run"])
            limit = self.pick((None, "100%"))
            self.steps.append(Step("run", self.clock, None, again.files[:2], again.mapping, limit))
        if self.chance(0.25):
            self.steps.append(Step("catalog", self.clock, self.changed_catalog()))
            self.steps.append(Step("rollup", self.clock))
        return World(self.seed, self.zone, self.steps, self.exports)

    def add_run(self, files: int, rows: int) -> None:
        """A run over new files, perhaps an old one among them; perhaps the same again with a higher limit."""
        mapped = self.mapping() if self.chance(0.3) else None
        settings = self.settings() if mapped is None and self.chance(0.15) else None
        run = Step("run", self.clock, mapping=mapped.text() if mapped else settings)
        known = [export.name for export in self.exports if not export.is_mapped]
        if known and run.mapping is None and self.chance(0.3):
            run.files.append(self.pick(known))
        for _ in range(files):
            drafts = [self.next_draft() for _ in range(rows)]
            if self.older and self.chance(0.6):
                overlap = self.random.randint(1, len(drafts) // 2)
                drafts = deepcopy(self.older[-overlap:]) + drafts[overlap:]
            self.older = drafts
            number = len(self.exports)
            export = self.mapped_export(number, mapped, drafts) if mapped else self.export(number, drafts)
            export.is_mapped = run.mapping is not None
            self.exports.append(export)
            run.files.insert(self.random.randint(0, len(run.files)), export.name)
        run.most_rejected = self.pick((None, "60%", "100%"))
        self.steps.append(run)
        if self.bad_share > 0.05 and self.chance(0.5):
            self.advance()
            self.steps.append(
                Step("run", self.clock, files=list(run.files), mapping=run.mapping, most_rejected="90%")
            )

    def advance(self) -> None:
        self.clock += self.pick(
            (timedelta(0), HOUR, 3 * DAY, 20 * DAY, 31 * DAY, timedelta(days=7, microseconds=5))
        )


def _cell(literal: str | None) -> str:
    """The CSV cell of a JSON text: texts without quotes, numbers as they are written."""
    if literal is None or literal == "null":
        return ""
    return str(json.loads(literal)) if literal.startswith('"') else literal


def csv_line(cells: list[str]) -> bytes:
    """One CSV record, without its line end."""
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n").encode()


def _last_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
