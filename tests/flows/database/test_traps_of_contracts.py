"""Contracts and calendar: nothing is dropped, nothing counts twice, and every reader sees one calendar."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import psycopg
from sqlalchemy import make_url

from tests.flows.desk import AT, CALLS, TOTAL, Desk, catalog_of, event, meter
from tests.flows.small_installation import contract

START, END = datetime(2026, 2, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)


def test_events_off_every_contract_are_listed_and_count_once_it_is_corrected(desk: Desk) -> None:
    """Before the start, after the end, between two contracts, without a contract, without a meter: listed by reason."""
    contracts = [
        contract("con-1", "cus-acme", "plan", "2026-02-01", "2026-02-10"),
        contract("con-2", "cus-acme", "plan", "2026-02-20", "2026-02-25"),
    ]
    desk.catalog(catalog_of(meter("calls", eventTypeFilter={"include": ["call"]}), contracts=contracts))
    days = (1, 5, 12, 15, 22, 26)
    rows = [
        *(event(timestamp=f"2026-02-{day:02}T00:00:00Z", properties={"day": day}) for day in days),
        event(timestamp="2026-01-31T23:59:59.999999Z"),
        event(eventName="tick", timestamp="2026-02-05T00:00:00Z"),
        event(externalCustomerId="bolt"),
    ]
    ledger = desk.run(desk.write("rows.jsonl", *rows))
    assert ledger["unassigned_by_reason"] == {"no_contract": 1, "no_meter": 1, "outside_contract": 4}
    listed = {
        (one["customer_id"], one["event_name"], one["reason"]): one["event_count"]
        for one in desk("unassigned", "--json").json
    }
    assert listed == {
        ("cus-acme", "call", "outside_contract"): 4,
        ("cus-acme", "tick", "no_meter"): 1,
        ("cus-bolt", "call", "no_contract"): 1,
    }
    on_lines = sum(int(line["event_count"]) for line in desk.usage())
    assert on_lines + sum(listed.values()) == len(rows) == ledger["new"]
    corrected = [
        contract("con-1", "cus-acme", "plan", "2026-01-01", "2026-02-20"),
        contract("con-2", "cus-acme", "plan", "2026-02-20"),
    ]
    desk.catalog({"contracts": corrected})
    desk("rollup")
    assert sum(int(line["quantity"]) for line in desk.usage("--customer", "acme")) == len(days) + 1
    assert [one["reason"] for one in desk("unassigned", "--json").json] == ["no_meter", "no_contract"]


def test_two_contracts_for_one_meter_never_count_twice(desk: Desk) -> None:
    """An event that two contracts would bill counts on neither and is reported; pinned to one it counts there."""
    contracts = [
        contract("con-1", "cus-acme", "plan", "2026-01-01", "2026-02-10"),
        contract("con-2", "cus-acme", "plan", "2026-02-01"),
    ]
    desk.catalog(catalog_of(CALLS, contracts=contracts))
    rows = [
        event(timestamp="2026-01-15T00:00:00Z"),
        event(timestamp="2026-02-05T00:00:00Z"),
        event(timestamp="2026-02-05T00:00:00Z", contractId="con-2"),
        event(timestamp="2026-02-10T00:00:00Z"),
    ]
    ledger = desk.run(desk.write("rows.jsonl", *rows))
    assert ledger["unassigned_by_reason"] == {"ambiguous_contract": 1}
    found = {(line["contract_id"], line["period_start"][:10]): line["quantity"] for line in desk.usage()}
    assert found == {
        ("con-1", "2026-01-01"): "1", ("con-1", "2026-02-01"): "0", ("con-2", "2026-02-01"): "2", ("con-2", "2026-03-01"): "0",
    }  # fmt: skip


def test_a_meter_made_after_the_events_counts_history(desk: Desk) -> None:
    """Events are not bound to meters when they arrive."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("rows.jsonl", event(properties={"n": 3}), event(properties={"n": "4.5"})))
    desk.catalog(catalog_of(CALLS, TOTAL))
    desk("rollup")
    assert desk.quantity("total") == "7.5"


def test_a_line_shows_the_aggregation_that_it_was_computed_by(desk: Desk) -> None:
    """An empty text is absent: such a meter is supported and sums; a meter with SQL is shown as unsupported."""
    desk.catalog(
        catalog_of(
            meter("total", "SUM", "n") | {"sql": "", "aggregationType": ""},
            meter("special", "MAX", "n") | {"sql": "select 1"},
        )
    )
    desk.run(desk.write("x.jsonl", event(properties={"n": 2}), event(properties={"n": 3})))
    lines = {line["meter_code"]: line for line in desk.usage("--customer", "acme", "--period", "2026-02")}
    assert {
        code: (line["aggregation"], line["quantity"], line["status"]) for code, line in lines.items()
    } == {"total": ("SUM", "5", "due"), "special": ("MAX", "", "unsupported")}


def test_the_boundary_instant(desk: Desk) -> None:
    """A microsecond before the start is in the period before, the start is in the period, and no event is in two or none."""
    desk.catalog(catalog_of(TOTAL))
    microsecond = timedelta(microseconds=1)
    moments = [START - microsecond, START, END - microsecond, END]
    rows = [event(timestamp=at.isoformat(), properties={"n": 10**place}) for place, at in enumerate(moments)]
    desk.run(desk.write("rows.jsonl", *rows))
    found = {line["period_start"][:7]: line["quantity"] for line in desk.usage("--customer", "acme")}
    assert found == {"2026-01": "1", "2026-02": "110", "2026-03": "1000"}


def test_microseconds_survive_every_format(desk: Desk) -> None:
    """23:59:59.999999 stays in January, whether read from CSV, JSON or Parquet, and is shown to the last digit."""
    desk.catalog(catalog_of(CALLS))
    at = "2026-01-31T23:59:59.999999Z"
    head = "eventName,externalCustomerId,timestamp,idempotencyKey\n"
    frame = pl.DataFrame(
        {"eventName": ["call"], "externalCustomerId": ["acme"], "idempotencyKey": ["p"]}
    ).with_columns(timestamp=pl.lit(START - timedelta(microseconds=1)).cast(pl.Datetime("us", "UTC")))
    frame.write_parquet(desk.folder / "rows.parquet")
    ledger = desk.run(
        desk.write("rows.jsonl", event(timestamp=at, idempotencyKey="j")),
        desk.write_bytes("rows.csv", f"{head}call,acme,{at},c\n".encode()),
        desk.folder / "rows.parquet",
    )
    assert ledger["new"] == 3
    [line] = desk.usage("--customer", "acme", "--period", "2026-01")
    assert (line["quantity"], line["first_event_at"], line["last_event_at"]) == ("3", at, at)
    assert [one["timestamp"] for one in desk("events", "--json").json] == [at, at, at]


def test_readers_in_two_zones_agree(desk: Desk) -> None:
    """The zone of the shell, of the session and of the server change neither the load nor the rollup nor the output."""
    address = make_url(desk.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    elsewhere = {"TZ": "Pacific/Kiritimati", "PGTZ": "America/Los_Angeles"}
    desk.catalog(catalog_of(CALLS, TOTAL))
    rows = [
        event(timestamp=f"2026-{month}T{time}Z", properties={"n": number})
        for number, (month, time) in enumerate(
            (month, time)
            for month in ("01-31", "02-01", "02-28", "03-01")
            for time in ("00:00:00", "11:00:00", "23:59:59")
        )
    ]
    desk.run(desk.write("rows.jsonl", *rows[::2]))
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            f"alter database \"{make_url(desk.database_url).database}\" set timezone = 'Asia/Kolkata'".encode()
        )
    desk.run(desk.write("more.jsonl", *rows[1::2]), environment=elsewhere)
    near, far = desk("usage", "--format", "csv"), desk("usage", "--format", "csv", environment=elsewhere)
    assert near.out == far.out
    found = {
        line["period_start"]: line["quantity"]
        for line in desk.usage("--customer", "acme", "--meter", "total")
    }
    assert found == {"2026-01-01T00:00:00Z": "3", "2026-02-01T00:00:00Z": "33", "2026-03-01T00:00:00Z": "30"}


def test_the_billing_zone_decides_where_a_day_begins(desk: Desk, tmp_path: Path) -> None:
    """In Los Angeles a month begins at 8 in the morning of UTC, and in April at 7: a zone is a name."""
    desk("settings", "billing_time_zone", "America/Los_Angeles")
    desk.catalog(catalog_of(CALLS))
    rows = [event(timestamp=at) for at in ("2026-02-01T07:59:59.999999Z", "2026-02-01T08:00:00Z")]
    desk.run(desk.write("rows.jsonl", *rows))
    found = {line["period_start"]: line["quantity"] for line in desk.usage("--customer", "acme")}
    assert (found["2026-01-01T08:00:00Z"], found["2026-02-01T08:00:00Z"]) == ("1", "1")
    ends = {line["period_end"] for line in desk.usage("--customer", "acme", "--period", "2026-03")}
    assert ends == {"2026-04-01T07:00:00Z"}


def test_an_empty_line_goes_once_its_period_has_groups(desk: Desk) -> None:
    """A period that lost its usage keeps an empty line until its meter has groups and events: then it has only their lines."""
    desk.catalog(catalog_of(TOTAL))
    mine = event(idempotencyKey="k1", properties={"n": 1, "a": "x"}, timestamp="2026-01-05T00:00:00Z")
    desk.run(desk.write("1.jsonl", mine))
    desk.run(desk.write("2.jsonl", mine | {"timestamp": AT}))
    grouped = desk.write_catalog(catalog_of(TOTAL | {"groupKeys": ["a"]}))
    desk("catalog", grouped, "--allow-withdrawn", "--reason", "by group from now on")
    desk.run(desk.write("3.jsonl", mine | {"idempotencyKey": "k2"}))
    lines = desk.usage("--customer", "acme", "--period", "2026-01")
    assert [(line["group"], line["quantity"]) for line in lines] == [('{"a":"x"}', "1")]


def test_no_empty_line_begins_after_the_clock(desk: Desk) -> None:
    """An event up to an hour ahead may begin a period; once it is corrected to another time, no line is left there."""
    desk.catalog(catalog_of(TOTAL))
    ahead = event(idempotencyKey="k1", properties={"n": 1}, timestamp="2026-02-01T00:20:00Z")
    for name, at in (("1.jsonl", "2026-02-01T00:20:00Z"), ("2.jsonl", "2026-01-31T00:20:00Z")):
        desk("run", desk.write(name, ahead | {"timestamp": at}), "--clock", "2026-01-31T23:30:00Z")
    lines = desk.usage("--customer", "acme")
    assert [(line["period_start"][:7], line["quantity"]) for line in lines] == [("2026-01", "1")]


def test_a_period_is_shown_by_its_days_in_the_billing_zone(desk: Desk) -> None:
    """East of Greenwich a month begins on the last day before it in UTC; people read the days of the contract."""
    desk("settings", "billing_time_zone", "Europe/Berlin")
    desk.catalog(catalog_of(TOTAL))
    desk.run(desk.write("1.jsonl", event(properties={"n": 1})))
    shown = desk("usage", "--customer", "acme", "--period", "2026-02").out
    assert "2026-02-01 – 2026-03-01" in shown
    assert desk("usage", "--customer", "acme", "--period", "2026-2").out == shown


def test_letter_case_of_a_uuid_does_not_count_in_a_filter(desk: Desk) -> None:
    """Customers and contracts are found by any spelling that an event may name them by; other ids exactly."""
    customer, key = "5B1C0D2E-7a64-4c8e-9f0b-2d1e6a3c4f01", "AAAAAAAA-7a64-4c8e-9f0b-2d1e6a3c4f02"
    desk.catalog(
        catalog_of(
            TOTAL,
            customers=[{"id": customer, "name": "A", "externalCustomerId": "acme"}],
            contracts=[contract(key, customer, "plan", "2026-01-01")],
        )
    )
    desk.run(
        desk.write(
            "1.jsonl",
            event(properties={"n": 1}),
            event(properties={"n": 2}, timestamp="2025-01-01T00:00:00Z"),
        )
    )
    for spelt in (customer.lower(), customer.upper()):
        assert desk.usage("--customer", spelt)
        assert len(desk("events", "--customer", spelt, "--json").json) == 2
        assert len(desk("unassigned", "--customer", spelt, "--json").json) == 1
    assert desk.usage("--contract", key.lower())
    assert "no customer 'ACME'" in desk("usage", "--customer", "ACME", exit_code=2).err


def test_a_catalog_may_filter_by_more_values_than_a_statement_has_parameters(desk: Desk) -> None:
    """First imports, corrections and rebuilds alike."""
    regions = {"name": "region", "include": [f"region-{n}" for n in range(70_000)]}
    desk.catalog(catalog_of(TOTAL | {"propertyFilters": [regions]}))
    for n in (1, 2):
        row = event(idempotencyKey="k", properties={"n": n, "region": "region-69999"})
        desk.run(desk.write(f"{n}.jsonl", row))
    assert desk.quantity("total") == "2"


def test_lines_follow_a_catalog_in_the_same_command(desk: Desk) -> None:
    """No output mixes two catalogs: a contract that begins earlier and a renamed meter show once the command returns."""
    early = {"timestamp": "2026-01-05T00:00:00Z", "properties": {"n": 5}}
    desk.catalog(catalog_of(TOTAL, contracts=[contract("con-acme", "cus-acme", "plan", "2026-02-01")]))
    desk.run(desk.write("1.jsonl", event(**early), event(properties={"n": 7})))
    assert len(desk("unassigned", "--json").json) == 1
    changed = contract("con-acme", "cus-acme", "plan", "2026-01-01") | {"billingCycleAnchor": "2026-01-15"}
    as_maximum = meter("total", "MAX", "n") | {"code": "largest"}
    folder = desk.write_catalog(catalog_of(as_maximum, contracts=[changed]))
    desk.run(desk.folder / "1.jsonl", "--catalog", folder, "--allow-withdrawn", "--reason", "mended")
    assert desk("unassigned", "--json").json == []
    assert {line["meter_code"] for line in desk.usage()} == {"largest"}
