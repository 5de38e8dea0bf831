"""Laws of reading: sizes of chunks and blocks change no row, and the fast and the exact splitters agree."""

import csv
import gzip
import hashlib
import io
import json
import random
import re
from dataclasses import dataclass
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.sources.reading import ChunkSize, csv_rows, json_bodies, json_lines, read_chunks
from flows.sources.reading.csv_records import Grammar
from flows.sources.reading.decompression import zstd
from schemas.errors import UsageImportError
from schemas.frames.chunk import Chunk, Malformed

RUNS = settings(max_examples=200, deadline=None)

JSON_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"{",
                b"}",
                b"[",
                b"]",
                b",",
                b":",
                b'"',
                b"\\",
                b" ",
                b"\n",
                b"\r\n",
                b"1",
                b"a",
                b"\t",
                b"\0",
            ),
            *(
                b"\xff",
                "é".encode(),
                b'"events"',
                b'"events":[',
                b'{"events":[',
                b'"eventName":"x"',
                b'{"a":1}',
            ),
            *(
                b'{"a":"}"}',
                b"[1]",
                b'{"p":{"q":[{"r":1},{"s":2}]}}',
                b"},\n  {",
                b"}\n{",
                b'"a":1',
                b"]}",
                b"true",
            ),
            *(b'{\n"a":1\n}', b'{"eventName":"a","events":[1]}', b"\xef\xbb\xbf", b'{"a":"\\""}'),
        ]
    ),
    max_size=14,
).map(b"".join)

CSV_PIECES = st.lists(
    st.sampled_from(
        [
            *(
                b"a",
                b"b",
                b",",
                b",",
                b",",
                b'"',
                b'""',
                b"\n",
                b"\n",
                b"\r\n",
                b"\r",
                b" ",
                b"\t",
                b";",
                b"\0",
                b"\xff",
            ),
            *(
                "é".encode(),
                b"1,2\n",
                b'"x\ny",2\n',
                b'"q""q",\n',
                b"a,b\n",
                b'"a",b\n',
                b',""\n',
                b"{",
                b"[",
                b"''",
            ),
        ]
    ),
    max_size=16,
).map(b"".join)


@dataclass(frozen=True)
class Found:
    """The rows and the error that reading a file gives."""

    rows: list[tuple[Any, ...]]
    raws: list[bytes]
    cells: list[tuple[Any, ...]]
    malformed: dict[int, Malformed]
    error: str | None


def rows_of(text: bytes, name: str, **options: Any) -> Found:
    chunks: list[Chunk] = []
    error = None
    try:
        chunks.extend(read_chunks(io.BytesIO(text), name=name, **options))
    except UsageImportError as refused:
        error = str(refused)
    first = chunks[0].positions["row"][0] if chunks else 1
    rows = [row for chunk in chunks for row in chunk.positions.rows()]
    return Found(
        rows=rows,
        raws=[raw for chunk in chunks for raw in chunk.raws or []],
        cells=[row for chunk in chunks if chunk.cells is not None for row in chunk.cells.rows()],
        malformed={
            chunk.positions["row"][0] - first + index: why
            for chunk in chunks
            for index, why in chunk.malformed.items()
        },
        error=error,
    )


def assert_places(text: bytes, found: Found) -> None:
    """Assert that the bytes of each row are at its offset and on its line."""
    for index, (row, line, offset) in enumerate(found.rows):
        raw = found.raws[index]
        assert row == found.rows[0][0] + index
        assert text[offset : offset + len(raw)] == raw
        assert line == 1 + text.count(b"\n", 0, offset)
        if index in found.malformed:
            why = found.malformed[index]
            whole = text[offset : offset + why.raw_length]
            assert len(whole) == why.raw_length
            assert why.raw_sha256 == hashlib.sha256(whole).digest()
            assert "at byte " in why.message or "longer than" in why.message


NAMES = st.sampled_from(["x.jsonl", "x.json", "x.csv", "-", "x.ndjson", "x.tsv"])


@RUNS
@given(
    text=st.one_of(JSON_PIECES, CSV_PIECES, CSV_PIECES.map(b"a,b\n".__add__)),
    name=NAMES,
    chunk=st.builds(ChunkSize, rows=st.integers(1, 5), bytes=st.integers(1, 64)),
    block_bytes=st.integers(1, 40),
    after_row=st.integers(0, 6),
)
def test_sizes_never_show(text: bytes, name: str, chunk: ChunkSize, block_bytes: int, after_row: int) -> None:
    """Chunk and block sizes change no row, number, place, message or error; resuming reads the tail."""
    whole = rows_of(text, name)
    assert_places(text, whole)
    small = rows_of(text, name, chunk=chunk, block_bytes=block_bytes)
    assert small == whole
    tail = rows_of(text, name, after_row=after_row, chunk=chunk, block_bytes=block_bytes)
    assert tail.rows == whole.rows[after_row:]
    assert tail.raws == whole.raws[after_row:]
    assert tail.cells == whole.cells[after_row:]
    assert tail.malformed == {
        index - after_row: fault for index, fault in whole.malformed.items() if index >= after_row
    }


@RUNS
@given(text=JSON_PIECES, block_bytes=st.integers(1, 40))
@example(text=b'{"events":[\n{"a":"x"},{"a":[{},{}]},\n{"b":1}]}', block_bytes=4)
def test_quick_and_exact_splitting_of_json_agree(text: bytes, block_bytes: int) -> None:
    """Elements parsed many at once give the same rows as elements split one by one."""
    quick = rows_of(text, "x.json", block_bytes=block_bytes)
    with pytest.MonkeyPatch.context() as patch:
        for bulk in ("take_elements", "take_objects"):
            patch.setattr(json_bodies, bulk, lambda window, _rows: window.offset + 1)
        patch.setattr(json_lines, "_is_plain", lambda _text, _lines: False)
        exact = rows_of(text, "x.json", block_bytes=block_bytes)
    assert quick == exact


@RUNS
@given(text=CSV_PIECES, header=st.sampled_from([b"a,b\n", b"a\n", b"a,b,c\r\n", b"a;b\n", b""]))
@example(text=b'1,"x\r\ny"\n2,"3"\r\n', header=b"a,b\n")
def test_quick_and_exact_splitting_of_csv_agree(text: bytes, header: bytes) -> None:
    """Records split many at once give the same rows as records split one by one."""
    quick = rows_of(header + text, "x.csv")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_unquoted_lines", lambda _window, _header: None)
        patch.setattr(Grammar, "regular", lambda _self, _width: re.compile(rb"(?!)"))
        exact = rows_of(header + text, "x.csv")
    assert quick == exact


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=6)


@RUNS
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=4), max_size=12),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_a_written_csv_is_read_back(rows: list[list[str]], quoting: Any, end: str) -> None:
    """Cells written by Python's csv are read back exactly; rows of another width are malformed."""
    out = io.StringIO()
    names = ["one", "two", "three"]
    writer = csv.writer(out, quoting=quoting, lineterminator=end)
    writer.writerow(names)
    writer.writerows(rows)
    found = rows_of(out.getvalue().encode(), "x.csv")
    kept = [row for row in rows if row != [""] and "".join(row).strip(" \t") + "," * (len(row) - 1)]
    assert found.error is None
    assert len(found.rows) == len(kept)
    for index, (row, cells) in enumerate(zip(kept, found.cells, strict=True)):
        if len(row) == 3:
            assert list(cells) == row
        else:
            assert found.malformed[index].message.startswith(f"expected 3 columns, found {len(row)}")
            assert cells == (None, None, None)


EVENTS = st.lists(
    st.dictionaries(
        st.sampled_from(["eventName", "properties", "customerId", 'a"b', "é", "x\\y", "events"]),
        st.recursive(
            st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
            lambda inner: st.one_of(
                st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner, max_size=2)
            ),
            max_leaves=4,
        ),
        max_size=3,
    ).filter(lambda event: not isinstance(event.get("events"), list)),
    max_size=8,
)


def written(events: list[dict[str, Any]], shape: str, *, indent: int | None, is_ascii: bool) -> bytes:
    dump = json.dumps
    one = {"ensure_ascii": is_ascii}
    match shape:
        case "lines":
            text = "\n".join(dump(event, **one) for event in events)  # type: ignore[arg-type]
        case "array":
            text = dump(events, indent=indent, **one)  # type: ignore[arg-type]
        case "body":
            text = dump({"meta": {"events": 1}, "events": events, "after": [{}]}, indent=indent, **one)  # type: ignore[arg-type]
        case "bodies a line":
            text = "\n".join(dump({"events": events[at : at + 3]}, **one) for at in range(0, len(events), 3))  # type: ignore[arg-type]
        case _:
            text = "\n".join(dump(event, indent=2, **one) for event in events)  # type: ignore[arg-type]
    return text.encode()


@RUNS
@given(
    events=EVENTS,
    shape=st.sampled_from(["lines", "array", "body", "bodies a line", "values"]),
    indent=st.sampled_from([None, 0, 2]),
    is_ascii=st.booleans(),
    mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
    end=st.sampled_from([b"", b"\n", b"\r\n", b"\n\n"]),
)
def test_every_shape_of_json_gives_its_events(
    events: list[dict[str, Any]], shape: str, indent: int | None, *, is_ascii: bool, mark: bytes, end: bytes
) -> None:
    """Lines, arrays, bodies and pretty-printed values give the same events with their places."""
    if shape == "values" and events and not events[0]:
        events = [{"eventName": "a"}, *events]
    text = mark + written(events, shape, indent=indent, is_ascii=is_ascii) + end
    found = rows_of(text, "x.json", block_bytes=64)
    assert found.error is None
    assert found.malformed == {}
    assert [json.loads(raw) for raw in found.raws] == events
    assert_places(text, found)


@RUNS
@given(
    texts=st.lists(JSON_PIECES, min_size=1, max_size=4),
    pack=st.sampled_from([gzip.compress, zstd.compress]),
    block_bytes=st.integers(1, 64),
)
def test_packed_is_as_unpacked(texts: list[bytes], pack: Any, block_bytes: int) -> None:
    """Several gzip members or zstd frames are read as the text that they hold together."""
    packed = b"".join(map(pack, texts))
    assert rows_of(packed, "x.jsonl", block_bytes=block_bytes) == rows_of(b"".join(texts), "x.jsonl")


@RUNS
@given(
    count=st.integers(1, 60),
    pack=st.sampled_from([gzip.compress, zstd.compress]),
    share=st.floats(0, 1, exclude_max=True),
)
def test_a_cut_file_says_where_and_keeps_what_came_before(count: int, pack: Any, share: float) -> None:
    """Compressed data that ends too early gives the first rows and an error that names the last of them."""
    order = random.Random(count)
    lines = [json.dumps({"n": order.random()}).encode() for _ in range(count)]
    packed = pack(b"\n".join(lines) + b"\n")
    cut = packed[: max(4, int(len(packed) * share))]
    found = rows_of(cut, "x.jsonl.gz")
    assert found.raws == lines[: len(found.raws)]
    assert found.error is not None
    assert "ends in the middle" in found.error
    assert f"after row {len(found.raws):,}" in found.error


def test_chunks_are_whole() -> None:
    """All parts of a chunk have the same number of rows, and bytes_read rises to the file's size."""
    text = b"".join(b'{"n":%d}\n' % n for n in range(1000))
    chunks = list(read_chunks(io.BytesIO(text), name="x.jsonl", chunk=ChunkSize(rows=300), block_bytes=100))
    assert [len(chunk.positions) for chunk in chunks] == [300, 300, 300, 100]
    assert all(len(chunk.raws or []) == len(chunk.positions) for chunk in chunks)
    reads = [chunk.bytes_read for chunk in chunks]
    assert reads == sorted(reads)
    assert reads[-1] == len(text)
    assert chunks[0].positions.schema == {"row": pl.Int64, "line": pl.Int64, "byte_offset": pl.Int64}
