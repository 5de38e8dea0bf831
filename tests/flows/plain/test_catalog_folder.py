"""A catalog's folder becomes documents with their places; an unreadable part is a problem, never a traceback."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.catalog.folder import read_folder
from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind


def read(folder: Path, **files: str | bytes) -> tuple[list[tuple[str, Any]], list[str]]:
    """The documents by place, and the problems, of a folder with these files (`customers_json` is customers.json)."""
    for name, content in files.items():
        data = content.encode() if isinstance(content, str) else content
        (folder / name.replace("_", ".")).write_bytes(data)
    found = read_folder(folder)
    return [(d.place, d.content) for d in found.documents], [str(problem) for problem in found.problems]


ONE, TWO = {"id": "a"}, {"id": "b", "name": "B"}


@pytest.mark.parametrize(
    ("name", "content", "places"),
    [
        ("meters_json", json.dumps([ONE, TWO]), ["meters.json[0]", "meters.json[1]"]),
        ("meters_json", json.dumps([ONE, TWO], indent=2), ["meters.json[0]", "meters.json[1]"]),
        (
            "meters_json",
            json.dumps({"data": [ONE, TWO], "hasMore": False}),
            ["meters.json.data[0]", "meters.json.data[1]"],
        ),
        (
            "meters_json",
            json.dumps([{"data": [ONE]}, {"data": [TWO]}]),
            ["meters.json[0].data[0]", "meters.json[1].data[0]"],
        ),
        ("meters_json", f"{json.dumps(ONE)}\n\n{json.dumps(TWO)}", ["meters.json:1", "meters.json:3"]),
        ("meters_jsonl", f"{json.dumps(ONE)}\r\n{json.dumps(TWO)}\r\n", ["meters.jsonl:1", "meters.jsonl:2"]),
        (
            "meters_ndjson",
            f"\ufeff{json.dumps(ONE)}\n{json.dumps(TWO)}",
            ["meters.ndjson:1", "meters.ndjson:2"],
        ),
        (
            "meters_jsonl",
            f"{json.dumps({'data': [ONE]})}\n{json.dumps({'data': [TWO]})}\n",
            ["meters.jsonl:1.data[0]", "meters.jsonl:2.data[0]"],
        ),
        (
            "meters_json",
            json.dumps({"data": [ONE]}, indent=1) + "\n" + json.dumps({"data": [TWO]}, indent=1),
            ["meters.json:1.data[0]", "meters.json:8.data[0]"],
        ),
        ("customers_csv", "id,name\na,\nb,B\n", ["customers.csv:2", "customers.csv:3"]),
        (
            "customers_csv",
            b'\xef\xbb\xbfid,name\r\na,""\r\n\r\n"b","B"',
            ["customers.csv:2", "customers.csv:4"],
        ),
    ],
)
def test_every_format_gives_the_same_documents(
    tmp_path: Path, name: str, content: str | bytes, places: list[str]
) -> None:
    """Lists, lines, pages and CSV; byte-order mark and CRLF are fine."""
    documents, problems = read(tmp_path, **{name: content})
    assert documents == list(zip(places, [ONE, TWO], strict=True))
    assert problems == []


def test_a_single_thing_needs_no_list(tmp_path: Path) -> None:
    """Its place is the file."""
    assert read(tmp_path, meters_json=json.dumps(ONE)) == ([("meters.json", ONE)], [])


def test_several_files_of_a_kind_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    """`customers.eu.json` beside `customers.csv`; other files are ignored."""
    (tmp_path / "customers.d").mkdir()
    documents, problems = read(
        tmp_path, customers_csv="id\na\n", customers_eu_json='[{"id": "b"}]', README="x", notes_json="{"
    )
    assert [place for place, _ in documents] == ["customers.csv:2", "customers.eu.json[0]"]
    assert problems == []
    assert read_folder(tmp_path).kinds == {Kind.CUSTOMER}


def test_gzip_is_read(tmp_path: Path) -> None:
    """Of every format."""
    documents, _ = read(
        tmp_path,
        customers_csv_gz=gzip.compress(b"id\na\n"),
        meters_jsonl_gz=gzip.compress(b'{"id":"b"}\n{"id":"c"}'),
    )
    assert [place for place, _ in documents] == [
        "customers.csv.gz:2",
        "meters.jsonl.gz:1",
        "meters.jsonl.gz:2",
    ]


def test_numbers_are_exact(tmp_path: Path) -> None:
    """Trap 21: no binary number on the way."""
    (_, content), *_ = read(
        tmp_path, meters_json='[{"a": 0.1, "b": 9007199254740993, "c": 1e30, "d": 1.10}]'
    )[0]
    assert content == {"a": Decimal("0.1"), "b": 9007199254740993, "c": Decimal("1e30"), "d": Decimal("1.10")}
    assert [type(value) for value in content.values()] == [Decimal, int, Decimal, Decimal]


def test_a_csv_cell_that_is_empty_is_absent_and_metadata_is_nested(tmp_path: Path) -> None:
    """As the JSON shape would have it."""
    documents, _ = read(tmp_path, customers_csv="id,name,metadata.externalCustomerId\na,,x\nb,B,\n")
    assert [content for _, content in documents] == [
        {"id": "a", "metadata": {"externalCustomerId": "x"}},
        {"id": "b", "name": "B"},
    ]


def test_a_quoted_newline_does_not_move_the_lines(tmp_path: Path) -> None:
    """The place is the physical line on which a row starts."""
    documents, problems = read(tmp_path, customers_csv='id,name\na,"x\ny"\nb\n')
    assert [place for place, _ in documents] == ["customers.csv:2"]
    assert problems == ["customers.csv:4: has 1 cells, the header has 2"]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("meters_json", '[{"id": "a",\n "code" 5}]', "meters.json:2: is not JSON: expecting ':' delimiter (column 9)"),
        ("meters_json", "", "meters.json: is empty; write [] where there are none"),
        ("meters_json", "[{]", "meters.json:1: is not JSON: expecting property name enclosed in double quotes (column 3)"),
        ("meters_json", '[{"a": NaN}]', "meters.json: is not JSON: NaN is no JSON value"),
        ("meters_json", '[{"a": 1e1001}]', "meters.json: is not JSON: a number of more than 1,000 digits"),
        ("meters_json", '[{"a": 1e99999999999999999999}]', "meters.json: is not JSON: a number of more than 1,000 digits"),
        ("meters_json", f'[{{"a": {"9" * 5000}}}]', "meters.json: is not JSON: a number of more than 1,000 digits"),
        ("meters_json", "[" * 65 + "]" * 65, "meters.json: is nested deeper than 64"),
        ("meters_json", "[" * 100_000, "meters.json: is nested deeper than 64"),
        ("meters_json", r'[{"id": "a"}, {"name": "\u0000"}]', "meters.json[1]: holds the character U+0000"),
        ("meters_json", r'[{"name": ["\ud800"]}]', "meters.json[0]: holds a lone surrogate"),
        ("meters_json", b'[{"id":\n "\xff"}]', "meters.json:2: is not UTF-8 (byte 10)"),
        ("meters_json", "[]".encode("utf-16"), "meters.json: is UTF-16; save it as UTF-8"),
        ("meters_csv", "id\na\n", "meters.csv: is no format for meters; use .json, .jsonl, .ndjson"),
        ("customers_xlsx", b"PK", "customers.xlsx: is no format for customers; use .json, .jsonl, .ndjson, .csv"),
        ("customers_json_gz", b"PK", "customers.json.gz: is no sound gzip: not a gzipped file (b'pk')"),
        ("customers_csv", "", "customers.csv: is empty; it needs a header"),
        ("customers_csv", "name\nx\n", "customers.csv:1: has no column id; its header is 'name'"),
        ("customers_csv", "id,id\nx,y\n", "customers.csv:1: has the column 'id' twice"),
        ("customers_csv", 'id\n"a\nb', "customers.csv:2: is no sound CSV: unexpected end of data"),
    ],
)  # fmt: skip
def test_an_unreadable_part_is_a_problem_with_its_place(
    tmp_path: Path, name: str, content: str | bytes, expected: str
) -> None:
    """One line each."""
    assert read(tmp_path, **{name: content})[1] == [expected]


def test_one_broken_line_does_not_hide_the_others(tmp_path: Path) -> None:
    """All at once: each broken line of a file, and the documents of the sound ones."""
    documents, problems = read(tmp_path, meters_jsonl='{"id": \n{"id": "a"}\nnull\n{"id": "b"},\n')
    assert [place for place, _ in documents] == ["meters.jsonl:2", "meters.jsonl:3"]
    assert problems == [
        "meters.jsonl:1: is not JSON: expecting value (column 8)",
        "meters.jsonl:4: is not JSON: extra data (column 12)",
    ]


def test_a_folder_without_a_catalog_is_wrong_usage(tmp_path: Path) -> None:
    """No folder, a file in its place, or a folder without a file of a catalog."""
    with pytest.raises(
        ConfigurationError, match=r"none of customers\.\*, meters\.\*, plans\.\*, contracts\.\*"
    ):
        read_folder(tmp_path)
    with pytest.raises(ConfigurationError, match="there is no folder"):
        read_folder(tmp_path / "missing")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="is no folder"):
        read_folder(tmp_path / "file")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["customers.json", "customers.jsonl", "customers.csv", "meters.json.gz"]),
    st.one_of(
        st.binary(max_size=60), st.text(alphabet='{}[]":,\n\r abid\\u0d8', max_size=60).map(str.encode)
    ),
)
def test_no_bytes_raise_an_error(tmp_path: Path, name: str, data: bytes) -> None:
    """Any file is documents or problems."""
    for path in tmp_path.iterdir():
        path.unlink()
    (tmp_path / name).write_bytes(data)
    found = read_folder(tmp_path)
    assert all(str(problem).startswith(name) and "\n" not in str(problem) for problem in found.problems)
