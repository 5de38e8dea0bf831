"""The format of a file is detected by its content with its name as a hint; unknown formats are refused in one line."""

import gzip
import io
import json
from typing import Any

import pytest

from flows.sources.reading import read_chunks
from flows.sources.reading.decompression import zstd
from schemas.errors import UsageImportError
from schemas.frames.chunk import ROW_LIMIT_BYTES, Chunk


def packed(data: bytes) -> bytes:
    """Gzip without a time, so that the same text gives the same bytes and test ids."""
    return gzip.compress(data, mtime=0)


EVENT = b'{"eventName":"a","properties":{"n":1}}'
PRETTY = json.dumps(json.loads(EVENT), indent=2).encode()


def chunks(text: bytes, name: str) -> list[Chunk]:
    return list(read_chunks(io.BytesIO(text), name=name))


def raws(text: bytes, name: str) -> list[bytes]:
    return [raw for chunk in chunks(text, name) for raw in chunk.raws or []]


def cells(text: bytes, name: str) -> list[tuple[Any, ...]]:
    return [row for chunk in chunks(text, name) for row in chunk.cells.rows()]  # type: ignore[union-attr]


def messages(text: bytes, name: str) -> dict[int, str]:
    """Return the message of each malformed row by its number."""
    return {
        chunk.positions["row"][index]: why.message
        for chunk in chunks(text, name)
        for index, why in chunk.malformed.items()
    }


@pytest.mark.parametrize(
    ("text", "name", "count"),
    [
        (EVENT, "x.jsonl", 1),
        (EVENT + b"\r\n" + EVENT, "x.jsonl", 2),
        (b"\xef\xbb\xbf" + EVENT + b"\n\n \t\n" + EVENT + b"\n", "x.jsonl", 2),
        (PRETTY, "x.jsonl", 1),
        (PRETTY + b"\n" + PRETTY, "x.json", 2),
        (b'{"events":[' + EVENT + b"," + EVENT + b"]}", "x.json", 2),
        (b'{"events":[]}', "x.json", 0),
        (b'{"requestId": "r",\n "events": [\n' + PRETTY + b",\n" + PRETTY + b"\n]}\n", "x.jsonl", 2),
        (b'{"events":[' + EVENT + b"]}\n" + EVENT + b"\n[" + EVENT + b"," + EVENT + b"]", "x.ndjson", 4),
        (b"[" + EVENT + b",\n" + EVENT + b"]", "x.json", 2),
        (b"[\n]", "x.json", 0),
        (b"[\n" + EVENT + b"\n]", "x.json", 1),
        (b"[\n" + EVENT + b"\n," + EVENT + b"\n]", "x.json", 2),
        (b'{"events": [\n\n' + PRETTY + b"\n]}", "x.json", 1),
        (b'{"events":\n[' + PRETTY + b"]}", "x.json", 1),
        (b'{\n"events":\n[' + PRETTY + b"]}", "x.json", 1),
        (b'{"events":\n[' + EVENT + b"," + EVENT + b"\n]}", "x.json", 2),
        (b"[[\n" + EVENT + b"\n]]", "x.json", 1),
        (EVENT + b"\n" + EVENT, "export", 2),
        (EVENT + b"\n" + EVENT, "-", 2),
        (b"oops\n" + EVENT, "-", 2),
        (EVENT + b"\n" + EVENT, "x.csv", 2),
        (packed(EVENT), "x.jsonl", 1),
        (EVENT, "x.jsonl.gz", 1),
        (packed(EVENT) + b"\0" * 512, "x.jsonl.gz", 1),
        (zstd.compress(EVENT + b"\n") + zstd.compress(EVENT), "x.jsonl.zst", 2),
        (b"\x50\x2a\x4d\x18\x02\0\0\0hi" + zstd.compress(EVENT), "x.jsonl.zst", 1),
        (b"eventName,n\na,1\n", "x.csv", 1),
        (b"eventName,n\na,1\n", "x.jsonl", 1),
        (b"eventName,n\na,1\n", "-", 1),
        (b"eventName;n\na;1\n", "-", 1),
        (packed(b"eventName,n\na,1\n"), "x.csv.gz", 1),
        (b"eventName\tn\na\t1\n", "x.tsv", 1),
        (b"eventName,n", "x.csv", 0),
        (b"eventName,n\r\n", "x.csv", 0),
        (b"", "x.csv", 0),
        (b"", "x.jsonl.gz", 0),
        (b" \n\n", "x.jsonl", 0),
        (b"\xef\xbb\xbf", "x.csv", 0),
        (packed(b""), "x.csv.gz", 0),
    ],
)
def test_a_file_is_read_as_what_it_is(text: bytes, name: str, count: int) -> None:
    """The name is a hint; the content decides."""
    assert sum(len(chunk.positions) for chunk in chunks(text, name)) == count


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("a,b\n1,2\n".encode("utf-16"), "x.csv", "UTF-16"),
        (EVENT.decode().encode("utf-16-le"), "x.jsonl", "UTF-16"),
        (EVENT.decode().encode("utf-32"), "x.jsonl", "UTF-16 or UTF-32"),
        (b"a,b,a\n1,2,3\n", "x.csv", "column 'a' twice"),
        (b"a,\xff\n1,2\n", "x.csv", "header on line 1 cannot be read: broken UTF-8"),
        (b"\n\na,\0\n1,2\n", "x.csv", "header on line 3 cannot be read: NUL"),
        (b"a,b\r1,2\r3,4\r", "x.csv", "carriage returns alone"),
        (b'a,"b\n1,2\n', "x.csv", "quoted cell is not closed"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "x", "neither JSON, CSV nor Parquet"),
        (b"hello there", "-", "neither JSON, CSV nor Parquet"),
        (b"PAR1 and nothing more", "x.parquet", "not readable as Parquet"),
        (b"not parquet at all", "x.parquet", "neither JSON, CSV nor Parquet"),
        (packed(EVENT)[:-9], "x.jsonl.gz", "the gzip data ends in the middle"),
        (packed(EVENT) + b"rubbish", "x.jsonl.gz", "broken gzip data"),
        (packed(EVENT)[:-8] + b"\0" * 8, "x.jsonl.gz", "broken gzip data"),
        (zstd.compress(EVENT * 99)[:-2], "x.jsonl.zst", "the zstd data ends in the middle"),
        (zstd.compress(EVENT) + b"rubbish", "x.jsonl.zst", "broken zstd data"),
        (packed(packed(EVENT)), "x.jsonl.gz", "packed twice"),
        (packed(b"PAR1xxxx"), "x.parquet.gz", "Parquet inside"),
        (b"PK\x03\x04" + b"\0" * 40, "x.csv", "a zip archive"),
    ],
)
def test_unreadable_files_are_refused_in_one_line(text: bytes, name: str, message: str) -> None:
    """The message names the file, the fault and a way out, on one line."""
    with pytest.raises(UsageImportError) as refused:
        chunks(text, name)
    assert message in str(refused.value)
    assert str(refused.value).startswith("standard input: " if name == "-" else f"{name}: ")
    assert "\n" not in str(refused.value)
    assert "; " in str(refused.value)


def test_a_file_name_never_reaches_the_terminal_raw() -> None:
    """Escape sequences and line ends in a name are printed escaped."""
    with pytest.raises(UsageImportError) as refused:
        chunks(b"a,a\n", "x\x1b[31m\n.csv")
    assert str(refused.value).startswith("x\\x1b[31m\\n.csv: ")


def test_a_broken_body_is_one_malformed_row() -> None:
    """A body that cannot be read is one malformed row."""
    text = b'{\n"events": [\n' + EVENT + b",\n" + EVENT + b",\n" + EVENT[:-2] + b"\n]}\n"
    assert [raw[:10] for raw in raws(text, "x.json")] == [text[:10]]
    assert messages(text, "x.json")[1].startswith("body cannot be split: unexpected ']' at byte ")


def test_a_large_broken_body_breaks_off() -> None:
    """A fault in a body larger than a row ends the file with an error, since one malformed row could hide millions of events."""
    whole = b",\n".join([EVENT] * (ROW_LIMIT_BYTES // len(EVENT) + 10))
    with pytest.raises(
        UsageImportError, match=r"x\.json: body cannot be split: .* at byte [0-9]+, after row [0-9,]+; "
    ):
        raws(b'{"events": [\n' + whole + b",\n" + EVENT[:-2], "x.json")


def test_elements_of_another_kind_are_rows() -> None:
    """An element of a list of events that is no object is a row, which is rejected later."""
    text = b'{"events": [1, "x", null, [2], ' + EVENT + b"]}"
    assert raws(text, "x.json") == [b"1", b'"x"', b"null", b"[2]", EVENT]


def test_an_event_with_a_list_of_its_own_is_no_body() -> None:
    """A list named ``events`` after an event's name is one of its fields."""
    line = b'{"eventName":"a","events":[1,2]}'
    assert raws(line + b"\n" + EVENT, "x.jsonl") == [line, EVENT]
    assert raws(json.dumps(json.loads(line), indent=1).encode(), "x.json")[0].endswith(b"}")


@pytest.mark.parametrize(
    "cut",
    [
        b'{"events":[{"eventName":"a"}, {"eventName":',
        b'{"events":[',
        b'{"events":[{"a":1},',
        b"[",
        b"{",
        b'{"a":1,',
        b'{"a":"x',
        b'{"a":{"b":1}',
        b'{"a":[1',
        b'{"a"',
    ],
)
def test_a_first_line_that_is_cut_off_is_one_row(cut: bytes) -> None:
    """The line is not taken for the beginning of a pretty-printed body, which would hide the rest of the file."""
    assert raws(b"\n".join([cut, EVENT, EVENT]), "x.jsonl") == [cut, EVENT, EVENT]
    assert raws(b"\n".join([cut, b'{"events":[' + EVENT + b"]}"]), "x.jsonl") == [cut, EVENT]


def test_a_list_within_an_event_makes_no_body_of_its_line() -> None:
    """A line is one row unless its list of events is at the top level."""
    line = b'{"properties":{"events":[1]}} {"a":1}'
    assert raws(line + b"\n" + EVENT, "x.jsonl") == [line, EVENT]


def test_one_broken_line_leaves_its_neighbours() -> None:
    """A line with NUL bytes, broken UTF-8 or a broken body is one malformed row."""
    text = b"\n".join([EVENT, b'{"a":"\xff"}', b'{"a":"\0"}', b'{"events":[1,', EVENT])
    assert messages(text, "x.jsonl") == {
        2: "broken UTF-8: invalid start byte at byte 6",
        3: "NUL at byte 6",
        4: "body cannot be split: the text ends in the middle at byte 13",
    }
    assert raws(text, "x.jsonl")[-1] == EVENT


def test_broken_csv_rows_are_set_aside_one_by_one() -> None:
    """A wrong number of columns shifts no other row, and a stray quote affects its own line only."""
    text = (
        b"a,b,c\r\n"
        b"1,2,3\r\n"
        b"1,2\r\n"
        b"1,2,3,4\r\n"
        b"a,b,c\r\n"
        b'"a",b,"c"\r\n'
        b'1,"2,3\r\n'
        b'1,"x" y,3\r\n'
        b"1,\xe9,3\r\n"
        b"1,\0,3\r\n"
        b"\r\n"
        b'1,"2\r\n""q""",3\r\n'
        b'x"y,,""'
    )
    assert messages(text, "x.csv") == {
        2: "expected 3 columns, found 2 at byte 3",
        3: "expected 3 columns, found 4 at byte 6",
        4: "the header again at byte 0",
        5: "the header again at byte 0",
        6: "quoted cell is not closed at byte 2",
        7: "unexpected ' ' after a quoted cell at byte 5",
        8: "broken UTF-8: invalid continuation byte at byte 2",
    }
    found = cells(text, "x.csv")
    assert found[0] == ("1", "2", "3")
    assert found[8] == ("1", "\0", "3")
    assert found[-2:] == [("1", '2\r\n"q"', "3"), ('x"y', "", "")]
    (chunk,) = chunks(text, "x.csv")
    assert chunk.positions["line"].to_list()[-3:] == [10, 12, 14]
    assert (chunk.raws or [])[-2] == b'1,"2\r\n""q""",3'


def test_a_quote_that_is_never_closed_takes_its_own_line_only() -> None:
    """A stray quote does not hide the rest of the file."""
    text = b'a,b\n1,"2\n' + b"3,4\n" * 5
    assert messages(text, "x.csv") == {1: "quoted cell is not closed at byte 2"}
    assert cells(text, "x.csv")[1:] == [("3", "4")] * 5


def test_a_quoted_cell_that_looks_like_rows_stays_whole() -> None:
    """Rows without quotes are taken together only up to the next quoted cell."""
    text = b'a,b\n1,2\n3,4\n"x,y\n5,6\nz",9\n7,8\n9,0\n'
    assert cells(text, "x.csv") == [("1", "2"), ("3", "4"), ("x,y\n5,6\nz", "9"), ("7", "8"), ("9", "0")]
    (chunk,) = chunks(text, "x.csv")
    assert chunk.positions["line"].to_list() == [2, 3, 4, 7, 8]
    assert chunk.positions["byte_offset"].to_list() == [text.index(raw) for raw in chunk.raws or []]


def test_a_column_that_appears_late_does_not_vanish() -> None:
    """Columns are not guessed from the first rows."""
    lines = [b'{"a":1}'] * 150_000 + [b'{"late":1}']
    assert raws(b"\n".join(lines), "x.jsonl")[-1] == b'{"late":1}'
    rows = ["a,late"] + ["1,"] * 150_000 + ["1,x"]
    assert cells("\n".join(rows).encode(), "x.csv")[-1] == ("1", "x")


def test_cells_keep_their_bytes() -> None:
    """Spaces, formulas and empty cells are kept literally; an empty cell is the empty text, quoted or not."""
    assert cells(b'a,b,c\n =1+1 ,"",\n+5,-3,@x\n', "x.csv") == [(" =1+1 ", "", ""), ("+5", "-3", "@x")]


@pytest.mark.parametrize("name", ["x.csv", "-"])
def test_semicolons_or_tabs_separate_cells_if_the_header_has_no_comma(name: str) -> None:
    """If the header has semicolons or tabs and no comma, they are the delimiter."""
    assert cells(b"a;b\n1;2,5\n", name) == [("1", "2,5")]
    assert cells(b"a\tb\n1\t2;5\n", name) == [("1", "2;5")]
    assert cells(b"a,b;c\n1,2;3\n", name) == [("1", "2;3")]


def test_a_byte_order_mark_within_a_file_is_a_character() -> None:
    """A byte order mark is dropped at the beginning of the file only; in a cell it is kept."""
    rows = [f"\ufeffk{n},{'x' * 100}" for n in range(30_000)]
    text = "\ufeffkey,filler\n" + "\n".join(rows) + "\n"
    chunks = list(read_chunks(io.BytesIO(text.encode()), name="x.csv"))
    keys = [key for chunk in chunks if chunk.cells is not None for key in chunk.cells["key"]]
    assert keys == [f"\ufeffk{n}" for n in range(30_000)]
