"""A catalog is loaded whole or not at all, and every accepted one is a version with its changes."""

import gc
import json
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, cast

import polars as pl
import pytest

from flows.catalog.apply import CatalogError, without_garbage_collection
from flows.output.catalog import report_catalog
from flows.usage.rollup_basis import copy_catalog, read_contracts, read_pricings
from schemas.errors import UsageImportError
from schemas.vocabulary import Kind
from tests.flows.database.catalogs import CLOCK, CONTRACTS, EVERYTHING, METERS, PLANS, PRICING, UUID, Catalogs
from transforms.catalog.changes import FieldChange
from transforms.usage.periods import schedules

CARRYING = """
    select pricing_no, id, plan_no, meter_no, "interval", interval_count from pricings
    where meter_no is not null order by pricing_no
"""
"""The pricings that carry usage."""


def test_things_are_stored_and_numbered_in_the_order_of_the_folder(catalogs: Catalogs) -> None:
    """The frames have the columns that imports and usage need."""
    result = catalogs.apply(EVERYTHING)
    assert (result.version, result.is_new) == (1, True)
    assert result.kinds[Kind.CUSTOMER].added == ("c1", "c2")
    frames = catalogs.frames()
    assert catalogs.version() == 1
    assert frames.customers.rows() == [(1, "c1", "x1"), (2, "c2", None)]
    assert catalogs.rows(CARRYING) == [(1, "r1", 1, 1, "MONTH", 1)]
    assert catalogs.rows("select meter_no, id, code, aggregation, inactive_at from meters order by 1") == [
        (1, "m1", "calls", "COUNT", None),
        (2, "m2", "tokens", "SUM", None),
    ]
    assert [rule.meter_no for rule in catalogs.rules()] == [1, 2]
    assert frames.contracts.rows() == [(1, "k1", 1), (2, "k2", 2)]
    assert catalogs.rows("select id, customer_no, plan_no, anchor from contracts order by 1") == [
        ("k1", 1, 1, "15"),
        ("k2", 2, 1, None),
    ]
    with catalogs.engine.begin() as connection:
        copy_catalog(connection)
        laid_out = schedules(read_contracts(connection), read_pricings(connection), zone="UTC", until=CLOCK)
    placed = laid_out.contracts.join(laid_out.periods, on="schedule_no")
    assert placed.group_by("contract_no").len().sort("contract_no").rows() == [(1, 11), (2, 3)]


def test_documents_are_stored_to_the_letter(catalogs: Catalogs) -> None:
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


def test_the_first_changes_are_printed_and_the_number_of_others(
    catalogs: Catalogs, capsys: pytest.CaptureFixture[str]
) -> None:
    """None is left out in silence, and a new pricing is named by its id alone."""
    catalogs.apply(EVERYTHING | {"customers": [{"id": f"c{n}"} for n in range(1, 31)]})
    more = [{**PRICING[0], "id": f"r{n}"} for n in range(10, 31)]
    result = catalogs.apply(
        customers=[{"id": f"c{n}", "name": str(n)} for n in range(1, 31)],
        plans=[{"id": "p1", "name": "Plan", "pricing": [PRICING[1], *more]}],
    )
    report_catalog(result, as_json=False)
    printed = capsys.readouterr().err.splitlines()
    assert printed[:2] == ['changed c1: name null → "1"', 'changed c2: name null → "2"']
    assert printed[20] == "… and 10 more"
    plan = next(line for line in printed if line.startswith("changed p1: "))
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
    assert (machine["catalog_version"], machine["status"]) == (2, "published")


def test_a_pricing_that_goes_keeps_its_number_for_when_it_comes_back(catalogs: Catalogs) -> None:
    """It carries no usage meanwhile; lines of the past can still name it."""
    catalogs.apply(EVERYTHING)
    catalogs.apply(plans=[{"id": "p1", "pricing": []}])
    assert catalogs.rows(CARRYING) == []
    assert catalogs.rows("select pricing_no, meter_no from pricings order by 1") == [(1, None), (2, None)]
    catalogs.apply(plans=PLANS)
    assert catalogs.rows(CARRYING) == [(1, "r1", 1, 1, "MONTH", 1)]


def test_all_problems_are_listed_at_once_and_nothing_is_loaded(catalogs: Catalogs) -> None:
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
    assert catalogs.version() == 0


def test_references_may_lead_to_the_database(catalogs: Catalogs) -> None:
    """From a folder of contracts alone; a UUID keeps the spelling of the catalog that defined it."""
    catalogs.apply(customers=[{"id": UUID}], meters=METERS, plans=PLANS)
    for kind in ("customers", "meters", "plans"):
        (catalogs.folder / f"{kind}.json").unlink()
    catalogs.apply(contracts=[{**CONTRACTS[0], "customerId": UUID.upper()}])
    again = catalogs.apply(customers=[{"id": UUID.upper()}])
    assert not again.is_new
    assert catalogs.frames().customers["id"].to_list() == [UUID]
    assert catalogs.frames().contracts["customer_no"].to_list() == [1]


class TestInactiveMeters:
    """An inactive meter has an instant from which it counts nothing."""

    INACTIVE: ClassVar[dict[str, Any]] = {**METERS[0], "status": "inactive"}

    def since(self, catalogs: Catalogs) -> datetime | None:
        [(found,)] = catalogs.rows("select inactive_at from meters")
        return cast("datetime | None", found)

    def test_its_document_gives_the_instant_or_the_clock_that_first_saw_it(self, catalogs: Catalogs) -> None:
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
        assert catalogs.rules()[0].inactive_at == CLOCK + timedelta(days=2)


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


def test_garbage_is_collected_again_after_a_catalog(catalogs: Catalogs) -> None:
    """Also after one that was refused; meanwhile it is not, which makes a large catalog a fifth quicker."""
    with without_garbage_collection():
        assert not gc.isenabled()
    with pytest.raises(CatalogError):
        catalogs.apply(customers=[{"name": "no id"}])
    assert gc.isenabled()
