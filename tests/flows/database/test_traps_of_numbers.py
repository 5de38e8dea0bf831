"""Numbers and aggregation: exact, by type, and never a 0 in place of a value that cannot be used."""

from __future__ import annotations

import json
from typing import Any

from tests.flows.desk import CALLS, TOTAL, Desk, catalog_of, event, meter

KINDS = [meter(kind.lower(), kind, "n", groupKeys=["case"]) for kind in ("SUM", "MAX", "MIN")]

USABLE = {
    "7": "7", "1e3": "1000", "-0": "0", "0.10": "0.1", "-5": "-5", '"1e3"': "1000", '"-2.50"': "-2.5",
    "9007199254740993": "9007199254740993", '"1E+2"': "100",
}  # fmt: skip
"""A property's JSON text, and the quantity of SUM, MAX and MIN over it."""

UNUSABLE = [
    '"+5"', '".5"', '" 7"', '"7 "', '"1,000"', '"1.000,50"', '"NaN"', '"Infinity"', '""', '"0x10"', '"1_000"', '"٣"',
    '"1e131072"', '"1e-131072"', "true", None,
]  # fmt: skip
"""Values that SUM, MAX and MIN cannot use; None is an absent property."""

REJECTED = {
    "null": "invalid_properties", "[7]": "invalid_properties", "1e131072": "invalid_properties",
    "1e-131072": "invalid_properties", '"a\\u0000"': "invalid_properties", '"\\ud800"': "malformed_row",
    "NaN": "malformed_row", "+5": "malformed_row", ".5": "malformed_row", "Infinity": "malformed_row",
}  # fmt: skip
"""Values that are rejected before they could fail a whole load, with the code."""


def row_with(value: str | None, case: int) -> bytes:
    n = "" if value is None else f',"n":{value}'
    return (
        '{"eventName":"call","externalCustomerId":"acme","timestamp":"2026-02-03T04:05:06Z",'
        f'"properties":{{"case":{case}{n}}}}}'
    ).encode()


def test_every_value_counts_exactly_or_is_reported(desk: Desk) -> None:
    """Aggregation × value → outcome: a usable number, an unusable one that is counted, or a rejected row; never a 0."""
    desk.catalog(catalog_of(*KINDS, meter("count", groupKeys=["case"])))
    values = [*USABLE, *UNUSABLE, *REJECTED]
    path = desk.write("values.jsonl", *(row_with(value, case) for case, value in enumerate(values)))
    ledger = desk.run(path, "--max-rejected", "90%")
    assert ledger["unusable"] == 3 * len(UNUSABLE)
    codes = desk.codes(ledger["import_id"])
    assert {values[row - 1]: code for row, code in codes.items()} == REJECTED
    lines = {
        (line["meter_code"], line["group"]): line
        for line in desk.usage("--customer", "acme", "--period", "2026-02")
    }
    for case, value in enumerate(values[: len(USABLE) + len(UNUSABLE)]):
        group = json.dumps({"case": case}, separators=(",", ":"))
        assert lines[("count", group)]["quantity"] == "1"
        for one in KINDS:
            line = lines[(one["code"], group)]
            none = "0" if one["code"] == "sum" else ""
            expected = (USABLE[value], "0") if value in USABLE else (none, "1")
            assert (line["quantity"], line["unusable_count"]) == expected, (value, one["code"])


SUMS = {
    "tenths": (["0.1"] * 10_000, "1000"),
    "beyond doubles": (["9007199254740993", "1"], "9007199254740994"),
    "28 digits": (["1.234567890123456789012345678", "2"], "3.234567890123456789012345678"),
    "large": (["1000000000000000", "1000000000000000", "0.000000000001"], "2000000000000000.000000000001"),
    "thirds": (["0.3333333333333333333333", "0.3333333333333333333333", "0.3333333333333333333333"], "0.9999999999999999999999"),
    "negative": (["-7.5", "2.5"], "-5"),
    "halves of cents": (["0.005", "0.005", "0.005"], "0.015"),
}  # fmt: skip


def test_sums_are_exact(desk: Desk) -> None:
    """No float is used and nothing is rounded, over many days and in every notation of numbers."""
    desk.catalog(catalog_of(meter("sum", "SUM", "n", groupKeys=["case"])))
    rows = [
        f'{{"eventName":"call","externalCustomerId":"acme","timestamp":"2026-02-{1 + n % 28:02}T04:05:06Z",'
        f'"properties":{{"case":"{case}","n":{value}}}}}'.encode()
        for case, (values, _) in SUMS.items()
        for n, value in enumerate(values)
    ]
    desk.run(desk.write("sums.jsonl", *rows))
    found = {json.loads(group)["case"]: quantity for group, quantity in desk.counted("sum").items()}
    assert found == {case: total for case, (_, total) in SUMS.items()}


def test_texts_of_a_csv_are_as_exact(desk: Desk) -> None:
    """The numbers of a CSV are converted from text to decimal like those of JSON."""
    desk.catalog(catalog_of(TOTAL))
    body = b"eventName,externalCustomerId,timestamp,properties.n\n" + b"".join(
        f"call,acme,2026-02-03T04:05:06.{n:06}Z,{value}\n".encode()
        for n, value in enumerate(["9007199254740993", "0.1", "-3"])
    )
    desk.run(desk.write_bytes("rows.csv", body))
    assert desk.quantity("total") == "9007199254740990.1"


def test_events_are_shown_as_exactly_as_they_were_read(desk: Desk) -> None:
    """The command `events` prints the number of a property to the last digit, for people and for machines."""
    desk.catalog(catalog_of(CALLS))
    exact = "123456789012345678901234567890.5"
    desk.run(desk.write("rows.jsonl", row_with(exact, 1), row_with("1e-30", 2)))
    for answer in (desk("events"), desk("events", "--json")):
        assert exact in answer.out
        assert f"0.{29 * '0'}1" in answer.out


def amounts(days: dict[str, tuple[int, int]]) -> list[dict[str, Any]]:
    """Return an event per key on a day of February, with an amount."""
    return [
        event(idempotencyKey=key, timestamp=f"2026-02-{day:02}T00:00:00Z", properties={"n": n})
        for key, (day, n) in days.items()
    ]


def test_max_and_min_recompute_after_a_correction_downwards(desk: Desk) -> None:
    """The maximum and the minimum of a period are those of all its events, also after a correction towards the others."""
    desk.catalog(catalog_of(meter("most", "MAX", "n"), meter("least", "MIN", "n")))
    first = {"high": (1, 10), "beside": (1, 4), "low": (2, -10), "under": (2, 1), "other": (3, 3)}
    desk.run(desk.write("one.jsonl", *amounts(first)))
    assert (desk.quantity("most"), desk.quantity("least")) == ("10", "-10")
    desk.run(desk.write("two.jsonl", *amounts({"high": (1, 2), "low": (2, 2)})))
    assert (desk.quantity("most"), desk.quantity("least")) == ("4", "1")


WANTED: list[tuple[list[Any], set[str]]] = [
    ([1], {"1", "1.0", "1e0"}),
    (["1"], {'"1"'}),
    ([True], {"true"}),
    ([9], {"9"}),
    (["9", 10], {'"9"', "10"}),
]


def test_filters_compare_by_type(desk: Desk) -> None:
    """A filter's 1 is 1.0 and neither "1" nor true; excluding is the rest."""
    filters = {
        f"{kind}-{number}": {"name": "n", kind: wanted}
        for number, (wanted, _) in enumerate(WANTED)
        for kind in ("include", "exclude")
    }
    desk.catalog(catalog_of(*(meter(code, propertyFilters=[one]) for code, one in filters.items())))
    values = ["1", "1.0", "1e0", '"1"', "true", "9", '"9"', "10", '"1.0"', "false"]
    desk.run(desk.write("rows.jsonl", *(row_with(value, case) for case, value in enumerate(values))))
    found = {
        line["meter_code"]: line["quantity"]
        for line in desk.usage("--customer", "acme", "--period", "2026-02")
    }
    for number, (_, matching) in enumerate(WANTED):
        assert found[f"include-{number}"] == str(len(matching))
        assert found[f"exclude-{number}"] == str(len(values) - len(matching))


def test_a_missing_group_key_is_null(desk: Desk) -> None:
    """Absent is a group of its own and not the empty text; equal numbers are one group, and types are apart."""
    desk.catalog(catalog_of(meter("calls", groupKeys=["g"])))
    groups: list[dict[str, Any]] = [
        {},
        {"g": ""},
        {"g": 1},
        {"g": 1.0},
        {"g": "1"},
        {"g": True},
        {"g": "null"},
    ]
    desk.run(desk.write("rows.jsonl", *(event(properties=one | {"n": n}) for n, one in enumerate(groups))))
    assert desk.counted("calls") == {
        '{"g":null}': "1", '{"g":""}': "1", '{"g":1}': "2", '{"g":"1"}': "1", '{"g":true}': "1", '{"g":"null"}': "1",
    }  # fmt: skip


def test_an_event_that_one_meter_cannot_use_counts_on_the_others(desk: Desk) -> None:
    """It is counted on both lines, and as unusable on one of them."""
    desk.catalog(catalog_of(CALLS, TOTAL))
    other_day = event(timestamp="2026-02-04T00:00:00Z", properties={"n": "many"})
    desk.run(desk.write("rows.jsonl", event(properties={"n": 4}), other_day))
    found = {line["meter_code"]: line for line in desk.usage("--customer", "acme", "--period", "2026-02")}
    assert [found["calls"][name] for name in ("quantity", "event_count", "unusable_count")] == ["2", "2", "0"]
    assert [found["total"][name] for name in ("quantity", "event_count", "unusable_count")] == ["4", "2", "1"]


def test_seconds_taken_for_milliseconds_stop_the_import(desk: Desk) -> None:
    """If most of a file lies in January 1970, nothing is loaded and the message says why."""
    desk.catalog(catalog_of(CALLS))
    mapping = desk.write_bytes("ms.toml", b'[fields]\neventName = { value = "call" }\n'
        b'externalCustomerId = { value = "acme" }\ntimestamp = { column = "t", unit = "ms" }\n')  # fmt: skip
    path = desk.write_bytes(
        "rows.csv", b"t\n" + b"".join(f"{1_770_000_000 + n}\n".encode() for n in range(5))
    )
    answer = desk("run", path, "--mapping", mapping, exit_code=1)
    assert "before the year 2000" in answer.err.splitlines()[-1]
    assert desk.select("select count(*) from events") == [(0,)]


def test_what_a_spreadsheet_damaged_is_named_and_never_guessed(desk: Desk) -> None:
    """An id that was shortened to 1.23E+15 gives a warning, and a date in a local format is rejected."""
    desk.catalog(catalog_of(CALLS))
    head = "eventName,externalCustomerId,timestamp,idempotencyKey\n"
    rows = "call,acme,2026-02-03T04:05:06Z,1.23E+15\ncall,acme,03/04/2026 10:00,k\ncall,acme,3.4.2026,l\n"
    ledger = desk.run(desk.write_bytes("rows.csv", (head + rows).encode()), "--max-rejected", "90%")
    assert desk.codes(ledger["import_id"]) == {2: "invalid_timestamp", 3: "invalid_timestamp"}
    assert any("1.23E+15" in warning for warning in ledger["files"][0]["warnings"])


def test_insignificant_zeros_make_no_difference(desk: Desk) -> None:
    """A number counts by its value, as a text too: whatever its exponent, and however many zeros are written around it."""
    usable = {
        "1.0e-1000": "0." + "0" * 999 + "1",
        "10e-1001": "0." + "0" * 999 + "1",
        "0e99999": "0",
        "-0.0E-99999": "0",
        "1." + "0" * 1001: "1",
        "0." + "0" * 5000: "0",
        "0." + "0" * 2200 + "1e2201": "1",
    }
    unusable = ["1e-1001", "1e1000", "01", "1.", "", "0x10", "1e99999"]
    desk.catalog(catalog_of(meter("each", "SUM", "n") | {"groupKeys": ["i"]}))
    rows = [event(properties={"n": text, "i": i}) for i, text in enumerate([*usable, *unusable])]
    desk.run(desk.write("rows.jsonl", *rows))
    lines = {
        line["group"]: line
        for line in desk.usage("--meter", "each", "--period", "2026-02")
        if line["event_count"] != "0"
    }
    shown = [lines[f'{{"i":{i}}}'] for i in range(len(rows))]
    assert [line["quantity"] for line in shown[: len(usable)]] == list(usable.values())
    assert [line["unusable_count"] for line in shown[: len(usable)]] == ["0"] * len(usable)
    assert [line["unusable_count"] for line in shown[len(usable) :]] == ["1"] * len(unusable)


def test_numbers_of_any_size_in_a_catalog_are_accepted_or_named(desk: Desk) -> None:
    """Zero with any exponent is zero; a count that is too large is named with its place."""
    folder = desk.write_catalog(catalog_of(TOTAL | {"propertyFilters": [{"name": "n", "exclude": ["@"]}]}))
    meters = folder / "meters.json"
    for text in ("0e99999999999999999999", "0e-99999"):
        meters.write_text(meters.read_text().replace('"@"', text))
        desk("catalog", folder)
        meters.write_text(meters.read_text().replace(text, '"@"'))
    plans = folder / "plans.json"
    plans.write_text(
        plans.read_text().replace(
            '"priceInterval": "MONTH"', '"priceInterval": "MONTH", "priceIntervalCount": 1e40'
        )
    )
    answer = desk("catalog", folder, exit_code=1)
    assert "priceIntervalCount: must be at most" in answer.err.splitlines()[-1]


def test_a_clock_at_the_end_of_time_is_a_clock(desk: Desk) -> None:
    """The last instant of year 9999 is accepted as a clock, and one beyond it is not."""
    desk.catalog(catalog_of(TOTAL))
    path = desk.write("1.jsonl", event(properties={"n": 1}))
    assert desk("run", path, "--clock", "9999-12-31T23:59:59Z", "--json").json["new"] == 1
    for beyond in ("9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00"):
        assert "is no instant" in desk("rollup", "--clock", beyond, exit_code=2).err
