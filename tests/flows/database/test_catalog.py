"""A catalog is loaded whole or not at all, and every accepted one is a version that says what it changed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, cast

import polars as pl
import pytest
from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.pool import NullPool

from flows.catalog.apply import CatalogError, apply_catalog
from flows.catalog.read_catalog import CatalogFrames, catalog_frames
from flows.catalog.result import CatalogResult
from flows.output.catalog import report_catalog
from flows.usage.rollup_basis import keep_catalog, read_contracts, read_pricings
from schemas.errors import UsageImportError
from schemas.vocabulary import Kind
from transforms.catalog.changes import FieldChange
from transforms.usage.periods import schedules

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

CARRYING = """
    select pricing_no, id, plan_no, meter_no, "interval", interval_count from pricings
    where meter_no is not null order by pricing_no
"""
"""The pricings that carry usage."""


class Catalogs:
    """Folders written and applied, each in a transaction of its own."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def write(self, told: Folder) -> None:
        for kind, things in told.items():
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
            return apply_catalog(connection, self.folder, clock=clock, prune=prune)

    def frames(self) -> CatalogFrames:
        with self.engine.begin() as connection:
            return catalog_frames(connection)

    def rows(self, statement: str) -> list[Any]:
        with self.engine.begin() as connection:
            return [tuple(row) for row in connection.execute(text(statement))]


@pytest.fixture
def catalogs(database_url: str, tmp_path: Path) -> Iterator[Catalogs]:
    engine = create_engine(database_url, poolclass=NullPool)
    folder = tmp_path / "catalog"
    folder.mkdir()
    yield Catalogs(engine, folder)
    engine.dispose()


def test_everything_told_is_held_and_numbered_in_its_order(catalogs: Catalogs) -> None:
    """The frames have what imports, placing and rolling up need."""
    result = catalogs.apply(EVERYTHING)
    assert (result.version, result.is_new) == (1, True)
    assert result.kinds[Kind.CUSTOMER].added == ("c1", "c2")
    frames = catalogs.frames()
    assert frames.version == 1
    assert frames.customers.rows() == [(1, "c1", "x1"), (2, "c2", None)]
    assert catalogs.rows(CARRYING) == [(1, "r1", 1, 1, "MONTH", 1)]
    assert catalogs.rows("select meter_no, id, code, aggregation, inactive_at from meters order by 1") == [
        (1, "m1", "calls", "COUNT", None),
        (2, "m2", "tokens", "SUM", None),
    ]
    assert [rule.meter_no for rule in frames.rules] == [1, 2]
    assert frames.contracts.rows() == [(1, "k1", 1), (2, "k2", 2)]
    assert catalogs.rows("select id, customer_no, plan_no, anchor from contracts order by 1") == [
        ("k1", 1, 1, "15"),
        ("k2", 2, 1, None),
    ]
    with catalogs.engine.begin() as connection:
        keep_catalog(connection)
        laid_out = schedules(read_contracts(connection), read_pricings(connection), zone="UTC", until=CLOCK)
    placed = laid_out.contracts.join(laid_out.periods, on="schedule_no")
    assert placed.group_by("contract_no").len().sort("contract_no").rows() == [(1, 11), (2, 3)]


def test_what_is_told_is_kept_to_the_letter(catalogs: Catalogs) -> None:
    """Trap 21: amounts as text or as numbers, with all their digits; fields that mean nothing to us."""
    (catalogs.folder / "plans.json").write_text(
        '[{"id": "p", "x": {"y": [1.10, 12345678901234567890123.0]}}]'
    )
    catalogs.apply()
    assert catalogs.rows("select document::text from plans") == [
        ('{"x": {"y": [1.10, 12345678901234567890123.0]}, "id": "p"}',)
    ]


def test_an_unchanged_folder_makes_no_version(catalogs: Catalogs) -> None:
    """Trap 46: applying it again, in another form too, changes nothing."""
    catalogs.apply(EVERYTHING)
    (catalogs.folder / "customers.json").unlink()
    (catalogs.folder / "customers.csv").write_text(
        "id,name,metadata.externalCustomerId\nc1,One,x1\nc2,Two,\n"
    )
    again = catalogs.apply(clock=CLOCK + timedelta(days=1))
    assert (again.version, again.is_new) == (1, False)
    assert [done.unchanged for done in again.kinds.values()] == [2, 2, 1, 2]
    assert catalogs.rows("select count(*) from catalog_versions") == [(1,)]


def test_a_person_is_told_the_first_changes_and_how_many_more(
    catalogs: Catalogs, capsys: pytest.CaptureFixture[str]
) -> None:
    """Never silently fewer, and a pricing that is new by its id alone."""
    catalogs.apply(EVERYTHING | {"customers": [{"id": f"c{n}"} for n in range(1, 31)]})
    more = [{**PRICING[0], "id": f"r{n}"} for n in range(10, 31)]
    result = catalogs.apply(
        customers=[{"id": f"c{n}", "name": str(n)} for n in range(1, 31)],
        plans=[{"id": "p1", "name": "Plan", "pricing": [PRICING[1], *more]}],
    )
    report_catalog(result, as_json=False)
    told = capsys.readouterr().err.splitlines()
    assert told[:2] == ['changed c1: name null → "1"', 'changed c2: name null → "2"']
    assert told[20] == "… and 10 more"
    plan = next(line for line in told if line.startswith("changed p1: "))
    assert plan.startswith("changed p1: pricing.r1 removed, pricing.r10 added, ")
    assert plan.endswith(", pricing.r18 added and 12 more")
    assert len(result.as_json()["plans"]["changed"][0]["fields"]) == 22


def test_a_second_run_shows_what_changed_field_by_field(catalogs: Catalogs) -> None:
    """Added, changed, unchanged and lacking, apart; the numbers stay."""
    catalogs.apply(EVERYTHING)
    pricing = [{**PRICING[0], "meterId": "m2", "priceInterval": "WEEK"}]
    result = catalogs.apply(
        customers=[{"id": "c3"}, {"id": "c1", "name": "Uno", "externalCustomerId": "x1"}],
        plans=[{"id": "p1", "name": "Plan", "pricing": pricing}],
        contracts=CONTRACTS[:1],
    )
    assert result.version == 2
    customers = result.kinds[Kind.CUSTOMER]
    assert (customers.added, customers.lacking, customers.pruned) == (("c3",), ("c2",), ())
    assert [(changed.id, changed.fields) for changed in customers.changed] == [
        ("c1", (FieldChange("name", "One", "Uno"),))
    ]
    fields = [change.field for change in result.kinds[Kind.PLAN].changed[0].fields]
    assert fields[:2] == ["pricing.r1.meterId", "pricing.r1.priceInterval"]
    assert result.kinds[Kind.CONTRACT].lacking == ("k2",)
    frames = catalogs.frames()
    assert frames.customers["id"].to_list()[:2] == ["c1", "c2"]
    assert frames.contracts.height == 2
    assert catalogs.rows(CARRYING) == [(1, "r1", 1, 2, "WEEK", 1)]
    assert catalogs.rows(
        "select id, before ->> 'name', after ->> 'name' from catalog_changes where catalog_version = 2 and kind = 'customer' order by id"
    ) == [("c1", "One", "Uno"), ("c3", None, None)]
    machine = json.loads(json.dumps(result.as_json()))
    assert machine["customers"]["changed"] == [
        {"id": "c1", "fields": [{"field": "name", "before": "One", "after": "Uno"}]}
    ]
    assert (machine["catalog_version"], machine["status"]) == (2, "loaded")


def test_a_pricing_that_goes_keeps_its_number_for_when_it_comes_back(catalogs: Catalogs) -> None:
    """It carries no usage meanwhile; lines of the past can still name it."""
    catalogs.apply(EVERYTHING)
    catalogs.apply(plans=[{"id": "p1", "pricing": []}])
    assert catalogs.rows(CARRYING) == []
    assert catalogs.rows("select pricing_no, meter_no from pricings order by 1") == [(1, None), (2, None)]
    catalogs.apply(plans=PLANS)
    assert catalogs.rows(CARRYING) == [(1, "r1", 1, 1, "MONTH", 1)]


def test_two_customers_can_exchange_their_external_ids(catalogs: Catalogs) -> None:
    """In one catalog; and a third can take over the one of a customer who gives it up."""
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "x"}, {"id": "b", "externalCustomerId": "y"}])
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "y"}, {"id": "b", "externalCustomerId": "x"}])
    assert catalogs.frames().customers.rows() == [(1, "a", "y"), (2, "b", "x")]
    catalogs.apply(customers=[{"id": "c", "externalCustomerId": "y"}, {"id": "a"}])
    assert catalogs.frames().customers.select("id", "external_customer_id").rows() == [
        ("a", None),
        ("b", "x"),
        ("c", "y"),
    ]


def test_an_external_id_of_a_customer_who_stays_is_a_problem(catalogs: Catalogs) -> None:
    """Unless the customer is pruned."""
    catalogs.apply(customers=[{"id": "a", "externalCustomerId": "x"}])
    with pytest.raises(CatalogError) as refused:
        catalogs.apply(customers=[{"id": "b", "externalCustomerId": "x"}])
    assert [str(p) for p in refused.value.problems] == [
        "customers.json[0].externalCustomerId: 'x' belongs to customer 'a'"
    ]
    result = catalogs.apply(prune=True)
    assert result.kinds[Kind.CUSTOMER].pruned == ("a",)
    assert catalogs.frames().customers["id"].to_list() == ["b"]


def test_every_problem_is_told_at_once_and_nothing_is_loaded(catalogs: Catalogs) -> None:
    """Of all files: unreadable lines, broken things, references to nothing; the error itself is one line."""
    catalogs.write(EVERYTHING)
    (catalogs.folder / "contracts.json").unlink()
    (catalogs.folder / "contracts.jsonl").write_text(
        '{"id": "k1", "customerId": "c9", "planId": "p1", "startDate": "2026-01-01", "endDate": "2025-01-01"}\n'
        "{broken\n"
        '{"id": "k1", "customerId": "c1", "planId": "p1", "startDate": "2026-01-01", "billingCycleAnchor": 0}\n'
    )
    with pytest.raises(UsageImportError) as refused:
        catalogs.apply()
    assert isinstance(refused.value, CatalogError)
    assert [problem.place for problem in refused.value.problems] == [
        "contracts.jsonl:1.customerId",
        "contracts.jsonl:1.endDate",
        "contracts.jsonl:2",
        "contracts.jsonl:3.billingCycleAnchor",
        "contracts.jsonl:3.id",
    ]
    assert str(refused.value).startswith(
        f"{catalogs.folder}: 5 problems, nothing loaded: contracts.jsonl:1.customerId: "
    )
    assert "\n" not in str(refused.value)
    assert catalogs.rows("select count(*) from customers") == [(0,)]
    assert catalogs.frames().version == 0


def test_references_may_lead_to_what_is_held(catalogs: Catalogs) -> None:
    """A folder of contracts alone; UUIDs in any letter case are held as they were first told."""
    catalogs.apply(customers=[{"id": UUID}], meters=METERS, plans=PLANS)
    for kind in ("customers", "meters", "plans"):
        (catalogs.folder / f"{kind}.json").unlink()
    catalogs.apply(contracts=[{**CONTRACTS[0], "customerId": UUID.upper()}])
    again = catalogs.apply(customers=[{"id": UUID.upper()}])
    assert not again.is_new
    assert catalogs.frames().customers["id"].to_list() == [UUID]
    assert catalogs.frames().contracts["customer_no"].to_list() == [1]


class TestInactiveMeters:
    """Since when a meter counts nothing."""

    INACTIVE: ClassVar[dict[str, Any]] = {**METERS[0], "status": "inactive"}

    def since(self, catalogs: Catalogs) -> datetime | None:
        [(found,)] = catalogs.rows("select inactive_at from meters")
        return cast("datetime | None", found)

    def test_it_says_so_itself_or_the_clock_that_first_saw_it_does(self, catalogs: Catalogs) -> None:
        """A later catalog does not move it."""
        catalogs.apply(meters=[self.INACTIVE], clock=CLOCK)
        catalogs.apply(meters=[{**self.INACTIVE, "displayName": "Calls"}], clock=CLOCK + timedelta(days=9))
        assert self.since(catalogs) == CLOCK
        own = "2026-03-01T00:00:00Z"
        catalogs.apply(meters=[{**self.INACTIVE, "inactiveAt": own}], clock=CLOCK + timedelta(days=10))
        assert self.since(catalogs) == datetime(2026, 3, 1, tzinfo=UTC)
        catalogs.apply(meters=[self.INACTIVE], clock=CLOCK + timedelta(days=11))
        assert self.since(catalogs) == CLOCK

    def test_active_in_between_starts_anew(self, catalogs: Catalogs) -> None:
        """Inactive, active, inactive: since the second time."""
        catalogs.apply(meters=[self.INACTIVE], clock=CLOCK)
        catalogs.apply(meters=[METERS[0]], clock=CLOCK + timedelta(days=1))
        assert self.since(catalogs) is None
        catalogs.apply(meters=[self.INACTIVE], clock=CLOCK + timedelta(days=2))
        assert self.since(catalogs) == CLOCK + timedelta(days=2)
        assert catalogs.frames().rules[0].inactive_at == CLOCK + timedelta(days=2)


class TestPruning:
    """`--prune` removes what the folder lacks and nothing names any more."""

    def test_what_nothing_names_is_removed_and_listed(self, catalogs: Catalogs) -> None:
        """With what it alone named; what a thing of the folder names stays."""
        catalogs.apply(EVERYTHING)
        result = catalogs.apply(contracts=CONTRACTS[:1], customers=[], meters=[], plans=[], prune=True)
        pruned = {kind: done.pruned for kind, done in result.kinds.items()}
        assert pruned == {Kind.CUSTOMER: ("c2",), Kind.METER: ("m2",), Kind.PLAN: (), Kind.CONTRACT: ("k2",)}
        assert result.kinds[Kind.CUSTOMER].lacking == ("c1",)
        assert catalogs.frames().contracts["id"].to_list() == ["k1"]
        assert catalogs.rows("select kind, id from catalog_changes where after is null order by 1, 2") == [
            ("contract", "k2"),
            ("customer", "c2"),
            ("meter", "m2"),
        ]

    def test_what_events_and_lines_name_stays(self, catalogs: Catalogs) -> None:
        """Published events, those of an import that waits, and lines of any time."""
        catalogs.apply(EVERYTHING)
        with catalogs.engine.begin() as connection:
            _name_in_usage(connection)
        result = catalogs.apply(customers=[], meters=[], plans=[], contracts=[], prune=True)
        assert {kind: done.pruned for kind, done in result.kinds.items()} == {
            Kind.CUSTOMER: (),
            Kind.METER: ("m2",),
            Kind.PLAN: (),
            Kind.CONTRACT: ("k1",),
        }

    def test_without_it_nothing_is_removed(self, catalogs: Catalogs) -> None:
        """What is lacking is listed, and an empty folder changes nothing."""
        catalogs.apply(EVERYTHING)
        result = catalogs.apply(customers=[], meters=[], plans=[], contracts=[])
        assert not result.is_new
        assert result.kinds[Kind.CONTRACT].lacking == ("k1", "k2")


def _name_in_usage(connection: Connection) -> None:
    """An event of c1 that waits, and a usage line of k2."""
    connection.execute(text("create table arrivals_7 (like events)"))
    columns = "key, at, row, file_id, customer_no, is_keyless, is_timestamp_omitted, is_deleted, event_name, properties"
    values = "gen_random_uuid(), now(), 1, 1, 1, false, false, false, 'x', '{}'"
    connection.execute(text(f"insert into arrivals_7 ({columns}) values ({values})"))
    connection.execute(
        text(
            "insert into imports (import_id, kind, status, clock, sources, software) values (1, 'run', 'published', now(), '[]', 'x')"
        )
    )
    connection.execute(
        text(
            """
            insert into usage_lines (line_id, revision, contract_no, pricing_no, meter_no, customer_no, period_start_on,
                period_end_on, period_start, period_end, group_key, event_count, unusable_count, is_withdrawn, import_id, publish_no)
            values (gen_random_uuid(), 1, 2, 1, 1, 2, '2026-01-01', '2026-02-01', now(), now(), '{}', 1, 0, false, 1, 1)
            """
        )
    )


def test_many_customers_are_loaded_as_sets(catalogs: Catalogs) -> None:
    """20,000 are written, read again and changed in a few statements, not in one each."""
    rows = pl.DataFrame(
        {
            "id": [f"c{n}" for n in range(20_000)],
            "name": "x",
            "externalCustomerId": [f"x{n}" for n in range(20_000)],
        }
    )
    path = catalogs.folder / "customers.csv"
    rows.write_csv(path)
    assert len(catalogs.apply().kinds[Kind.CUSTOMER].added) == 20_000
    rows.with_columns(name=pl.lit("y")).write_csv(path)
    assert len(catalogs.apply().kinds[Kind.CUSTOMER].changed) == 20_000
    assert catalogs.rows(
        "select count(*), max(customer_no) >= 20000 from customers where document ->> 'name' = 'y'"
    ) == [(20_000, True)]
