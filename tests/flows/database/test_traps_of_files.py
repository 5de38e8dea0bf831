"""Traps of files: every row of any file is billed or rejected with a reason, and a file that breaks off says where."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path

import polars as pl
import pytest

from tests.flows.desk import AT, CALLS, CLOCK, TOTAL, Desk, catalog_of, event, meter

HEAD = b"eventName,externalCustomerId,timestamp,properties.note\n"
LINE = json.dumps(event()).encode()


def row(note: bytes) -> bytes:
    return b"call,acme," + AT.encode() + b"," + note + b"\n"


def parquet(name: str) -> bytes:
    out = io.BytesIO()
    pl.DataFrame({name: [1]}).write_parquet(out)
    return out.getvalue()


WHOLE = {
    "mark.jsonl": (b"\xef\xbb\xbf" + LINE + b"\n", 1),
    "crlf.jsonl": (LINE + b"\r\n" + LINE + b"\r\n", 2),
    "no-end.jsonl": (LINE + b"\n" + LINE, 2),
    "blank.jsonl": (LINE + b"\n\n  \n" + LINE + b"\n", 2),
    "mark.csv": (b"\xef\xbb\xbf" + (HEAD + row(b"a")).replace(b"\n", b"\r\n"), 1),
    "quoted.csv": (HEAD + row(b'"two\nlines, ""quoted"""') + row(b"b"), 2),
    "header-only.csv": (HEAD, 0),
    "empty.jsonl": (b"", 0),
    "no-archive.jsonl.gz": (LINE + b"\n", 1),
    "members.jsonl.gz": (gzip.compress(LINE + b"\n" + LINE[:20]) + gzip.compress(LINE[20:] + b"\n"), 2),
}
"""Files that are fine, and how many rows they have."""

TORN = {
    "broken-text.jsonl": (LINE + b"\n" + LINE[:-2] + b'\xff\xfe"}\n' + LINE + b"\n", {2: "malformed_row"}, 3),
    "nul.csv": (HEAD + row(b"a\x00b") + row(b"b"), {1: "invalid_properties"}, 2),
    "ragged.csv": (
        HEAD + row(b"a") + b"call,acme\n" + row(b"b,c") + row(b"d"),
        {2: "malformed_row", 3: "malformed_row"},
        4,
    ),
    "header-twice.csv": (HEAD + row(b"a") + HEAD + row(b"b"), {2: "malformed_row"}, 3),
    "latin.csv": (HEAD + row(b"caf\xe9") + row(b"b"), {1: "malformed_row"}, 2),
}
"""Files with rows that cannot be read: the code by row, and how many rows there are."""

REFUSED = {
    "wide.jsonl": (LINE.decode().encode("utf-16"), "UTF-16"),
    "cut.jsonl.gz": (
        gzip.compress(b"".join(json.dumps(event(properties={"n": n})).encode() + b"\n" for n in range(500)))[
            :-40
        ],
        "cut.jsonl.gz",
    ),
    "name.parquet": (parquet("ten_letter").replace(b"ten_letter", b"\xfename\x1b[31m"), "is not UTF-8"),
    "footer.parquet": (parquet("a\x0fb")[:-40] + b"\x0f" * 32 + parquet("a")[-8:], "not readable as Parquet"),
}
"""Files that cannot be read at all, and a part of the message."""


def test_files_of_every_shape(desk: Desk) -> None:
    """Byte order marks, line ends, quotes and members of archives: all of these files are read row by row."""
    desk.catalog(catalog_of(CALLS))
    paths = [desk.write_bytes(name, content) for name, (content, _) in WHOLE.items()]
    ledger = desk.run(*paths)
    assert {Path(file["uri"]).name: (file["rows"], file["rejected"]) for file in ledger["files"]} == {
        name: (rows, 0) for name, (_, rows) in WHOLE.items()
    }


def test_rows_that_cannot_be_read_are_set_aside_alone(desk: Desk) -> None:
    """Rows with broken text, NUL bytes, a wrong number of columns or a second header are rejected, and their neighbours count."""
    desk.catalog(catalog_of(CALLS))
    for name, (content, codes, rows) in TORN.items():
        ledger = desk.run(desk.write_bytes(name, content), "--max-rejected", "90%")
        assert (name, ledger["rows"], desk.codes(ledger["import_id"])) == (name, rows, codes)


def test_files_that_cannot_be_read_say_so(desk: Desk) -> None:
    """UTF-16, a truncated archive and damaged Parquet fail the import in one printable line that names the file; nothing counts."""
    desk.catalog(catalog_of(CALLS))
    for name, (content, part) in REFUSED.items():
        answer = desk("run", desk.write_bytes(name, content), "--clock", CLOCK, exit_code=1)
        line = answer.err.splitlines()[-1]
        assert name in line
        assert part in line
        assert line.isprintable()
    assert desk.select("select count(*) from events") == [(0,)]
    assert desk.select("select status, count(*) from imports where kind = 'import' group by 1") == [
        ("failed", len(REFUSED))
    ]


def test_a_file_cut_off_says_where_and_the_whole_one_is_new(desk: Desk) -> None:
    """The message names the last row that could be read; the whole file is then imported completely."""
    desk.catalog(catalog_of(CALLS))
    whole = gzip.compress(
        b"".join(json.dumps(event(properties={"n": n})).encode() + b"\n" for n in range(3000))
    )
    path = desk.write_bytes("rows.jsonl.gz", whole[: len(whole) * 2 // 3])
    answer = desk("run", path, "--clock", CLOCK, exit_code=1, environment={"USAGE_IMPORT_CHUNK_ROWS": "100"})
    assert "after row " in answer.err.splitlines()[-1]
    assert desk.usage() == []
    desk.write_bytes("rows.jsonl.gz", whole)
    assert desk.run(path)["new"] == 3000
    assert desk.quantity("calls") == "3000"


def test_a_name_that_first_appears_late_does_not_vanish(desk: Desk) -> None:
    """No schema is guessed from the first rows: a property counts, or a text among numbers is reported, wherever it first appears."""
    desk.catalog(catalog_of(TOTAL))
    many = 101_000
    lines = b'{"eventName":"call","externalCustomerId":"acme","timestamp":"2026-02-03T04:05:06Z","idempotencyKey":"%d"}\n'
    late = json.dumps(event(properties={"n": "2.5"}, idempotencyKey="late")).encode() + b"\n"
    ledger = desk.run(desk.write_bytes("rows.jsonl", b"".join(lines % n for n in range(many)) + late))
    assert ledger["new"] == many + 1
    body = b"eventName,externalCustomerId,timestamp,idempotencyKey,properties.n\n" + b"".join(
        b"call,acme,2026-02-03T04:05:06Z,c%d,1\n" % n for n in range(many)
    )
    desk.run(
        desk.write_bytes(
            "rows.csv",
            body + b"call,acme,2026-02-03T04:05:06Z,cx,0.5\ncall,acme,2026-02-03T04:05:06Z,cy,many\n",
        )
    )
    assert desk.quantity("total") == str(many + 3)
    [line] = desk.usage("--customer", "acme", "--period", "2026-02")
    assert line["unusable_count"] == str(many + 1)


def test_other_bytes_under_the_same_name_are_another_file(desk: Desk) -> None:
    """A file is identified by its bytes: a changed file is read, and the same bytes are unchanged under any name."""
    desk.catalog(catalog_of(CALLS))
    path = desk.write("rows.jsonl", event(idempotencyKey="a"))
    desk.run(path)
    desk.write("rows.jsonl", event(idempotencyKey="a"), event(idempotencyKey="b"))
    ledger = desk.run(path)
    assert (ledger["status"], ledger["new"], ledger["duplicate"]) == ("published", 1, 1)
    assert desk.run(desk.write("moved.jsonl", event(idempotencyKey="a")))["status"] == "unchanged"


def test_all_rows_rejected_is_a_failed_import(desk: Desk) -> None:
    """An import without one accepted row fails whatever the limit, and its rejections are kept."""
    desk.catalog(catalog_of(CALLS))
    path = desk.write("rows.jsonl", event(externalCustomerId="nobody"))
    ledger = desk.run(path, "--max-rejected", "100%", exit_code=1)
    assert (ledger["status"], ledger["rejected"]) == ("failed", 1)
    assert desk.codes(ledger["import_id"]) == {1: "customer_not_found"}


def test_a_share_above_the_limit_fails_and_can_be_accepted(desk: Desk) -> None:
    """One row in twenty is within the limit of 5 %; one in nineteen is above it, so nothing is loaded and the message names the way out."""
    desk.catalog(catalog_of(CALLS))
    rows = [event(properties={"n": n}) for n in range(18)]
    bad = event(externalCustomerId="nobody")
    answer = desk("run", desk.write("above.jsonl", *rows, bad), "--clock", CLOCK, exit_code=1)
    assert (
        "1 of 19 rows rejected (customer_not_found 1), above the limit of 5 %" in answer.err.splitlines()[-1]
    )
    assert "--max-rejected" in answer.err.splitlines()[-1]
    assert desk.usage() == []
    assert desk.run(desk.write("within.jsonl", *rows, event(), bad))["status"] == "published"
    assert desk.run(desk.folder / "above.jsonl", "--max-rejected", "6%")["status"] == "published"


def test_a_thousand_equal_errors_are_one_line(desk: Desk) -> None:
    """Rejections are printed by cause with a count and three examples, by check as well."""
    desk.catalog(catalog_of(CALLS))
    path = desk.write("rows.jsonl", event(), *(event(timestamp=f"day {n}") for n in range(1000)))
    ledger = desk.run(path, "--max-rejected", "100%")
    again = desk.write("again.jsonl", b"", *path.read_bytes().splitlines())
    check = ("check", again, "--clock", CLOCK, "--max-rejected", "100%")
    for answer in (desk("rejects", str(ledger["import_id"])), desk(*check)):
        shown = [line for line in answer.out.splitlines() if "invalid_timestamp" in line]
        assert len(shown) == 1
        assert "1000" in shown[0].replace(",", "")
    [cause] = desk(*check, "--json").json["rejections"]
    assert (cause["rows"], [example["row"] for example in cause["examples"]]) == (1000, [2, 3, 4])


def test_a_near_miss_is_named_and_not_mended(desk: Desk) -> None:
    """Ids that differ by case, outer spaces or Unicode form are different; the message names the similar customer."""
    customers = [
        {"id": "cus-1", "name": "A", "externalCustomerId": "acme"},
        {"id": "cus-2", "name": "B", "externalCustomerId": "caf\u00e9"},
    ]
    desk.catalog(catalog_of(CALLS, customers=customers, contracts=[]))
    near = ["Acme", " acme", "acme\u00a0", "cafe\u0301"]
    ledger = desk.run(
        desk.write("rows.jsonl", event(), *(event(externalCustomerId=one) for one in near)),
        "--max-rejected",
        "90%",
    )
    found = desk("rejects", str(ledger["import_id"]), "--json").json
    assert [one["code"] for one in found] == ["customer_not_found"] * len(near)
    assert ["acme" in one["message"] for one in found[:3]] == [True] * 3
    assert "caf\u00e9" in found[3]["message"]


def test_placeholder_ids_get_a_warning(desk: Desk) -> None:
    """A key called null is taken literally, with a warning."""
    desk.catalog(catalog_of(CALLS))
    rows = [
        event(idempotencyKey=key)
        for key in ("null", "undefined", "00000000-0000-0000-0000-000000000000", "fine")
    ]
    ledger = desk.run(desk.write("rows.jsonl", *rows))
    warned = " ".join(ledger["files"][0]["warnings"])
    assert ledger["new"] == 4
    assert all(word in warned for word in ("null", "undefined", "zeros"))


FORMULAS = ["=1+1", "+1", "-1+1", "@sum(a1)"]


def test_formulas_are_harmless_in_a_csv_for_people(desk: Desk) -> None:
    """A CSV is exact, and says how many cells a spreadsheet would compute; --spreadsheet quotes them; JSON keeps the bytes."""
    desk.catalog(catalog_of(CALLS))
    rows = [event(externalCustomerId=one) for one in FORMULAS]
    path = desk.write("rows.jsonl", event(), *rows)
    import_id = str(desk.run(path, "--max-rejected", "90%")["import_id"])
    exact = desk("rejects", import_id, "--format", "csv")
    assert [row["value"] for row in csv.DictReader(io.StringIO(exact.out))] == FORMULAS
    assert (
        f"a spreadsheet would compute {len(FORMULAS)} of these cells as formulas; --spreadsheet" in exact.err
    )
    safe = desk("rejects", import_id, "--format", "csv", "--spreadsheet")
    values = [row["value"] for row in csv.DictReader(io.StringIO(safe.out))]
    assert values == [f"'{one}" for one in FORMULAS]
    assert safe.err == ""
    kept = desk("rejects", import_id, "--json").json
    assert [one["raw"] for one in kept] == [line.decode() for line in path.read_bytes().splitlines()[1:]]


def test_a_spreadsheet_computes_nothing_of_usage_lines(desk: Desk) -> None:
    """The CSV of lines is exact too, safe with --spreadsheet, where negative numbers stay numbers; no other format takes it."""
    catalog = catalog_of(meter("=cmd()", "SUM", "n"))
    desk.catalog(catalog)
    desk.run(desk.write("rows.jsonl", event(properties={"n": -5})))
    exact, safe = desk("usage", "--format", "csv"), desk("usage", "--format", "csv", "--spreadsheet")
    assert ",=cmd()," in exact.out
    assert f"compute {exact.out.count(',=cmd(),')} of these cells" in exact.err
    assert safe.out == exact.out.replace(",=cmd(),", ",'=cmd(),")
    assert ",-5," in safe.out
    refused = desk("usage", "--spreadsheet", exit_code=2).err
    assert "--spreadsheet is for CSV, not for table; add --format csv" in refused


HOSTILE = [
    "it's",
    'say "x"',
    "a;drop table events;--",
    "100%s",
    "%(n)s",
    "{n}",
    "{{",
    ":name",
    "a\\",
    "$1",
    "--",
    "é\u202e",
    "a\nb",
]


def test_hostile_names_reach_neither_sql_nor_the_terminal(desk: Desk) -> None:
    """Names of properties, group values, filters, keys and files are treated as data, whatever they contain."""
    meters = [
        meter(
            f"m{number}",
            "SUM",
            name,
            groupKeys=[name, "other"],
            propertyFilters=[{"name": name, "exclude": [name, "x'y"]}],
        )
        for number, name in enumerate(HOSTILE)
    ]
    desk.catalog(catalog_of(*meters))
    rows = [
        event(properties={name: 2, "other": name}, idempotencyKey=name if name.isprintable() else None)
        for name in HOSTILE
    ]
    path = desk.write("it's 100% {x}; \x1b[31mred.jsonl", *rows)
    ledger = desk.run(path)
    assert ledger["new"] == len(HOSTILE)
    for number, name in enumerate(HOSTILE):
        group = json.dumps(
            dict(sorted({name: 2, "other": name}.items())), ensure_ascii=False, separators=(",", ":")
        )
        assert desk.counted(f"m{number}")[group] == "2", name
    for command in (("usage",), ("events",), ("imports",), ("imports", "show", "1"), ("unassigned",)):
        answer = desk(*command)
        assert not any(char in answer.out + answer.err for char in "\x1b\u202e")


@pytest.mark.parametrize("name", ["usage", "events", "unassigned"])
def test_hostile_filters_find_nothing_and_break_nothing(desk: Desk, name: str) -> None:
    """The value of a filter is bound, never pasted into SQL."""
    desk.catalog(catalog_of(CALLS))
    desk.run(desk.write("rows.jsonl", event()))
    answer = desk(name, "--customer", "x' or 1=1 --", exit_code=2)
    assert "x' or 1=1 --" in answer.err
    assert answer.out == ""


def test_a_link_out_of_a_folder_is_told_and_not_read(desk: Desk, tmp_path: Path) -> None:
    """An import of a folder names the links that lead out of it in a warning, each time; nothing of them is stored."""
    desk.catalog(catalog_of(CALLS))
    exports, secret = desk.folder / "exports", tmp_path / "secret.jsonl"
    exports.mkdir()
    desk.write("exports/a.jsonl", event())
    secret.write_text("root:secret\n", encoding="utf-8")
    (exports / "out.jsonl").symlink_to(secret)
    for _ in range(2):
        ledger = desk.run(exports)
        assert [Path(file["uri"]).name for file in ledger["files"]] == ["a.jsonl"]
        assert [f"{exports}/out.jsonl" in warning for warning in ledger["warnings"]] == [True]
    assert desk.select("select count(*) from rejections") == [(0,)]
