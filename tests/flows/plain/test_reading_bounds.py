"""Reading holds a bounded part of a file in memory, whatever its size."""

import hashlib
import io
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import pytest

from flows.imports.request import Pace
from flows.sources.reading import ChunkSize, read_chunks
from schemas.errors import UsageImportError
from schemas.frames.chunk import RAW_KEPT_BYTES, ROW_LIMIT_BYTES, Chunk

MIB = 1024 * 1024
GOOD = b'{"eventName":"a"}'


class Made(io.RawIOBase):
    """A stream of bytes that are generated while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        super().__init__()
        self._pieces = pieces
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest = piece
        data, self._rest = self._rest[:size], self._rest[size:]
        return data


def made(*parts: tuple[bytes, int]) -> BinaryIO:
    return cast("BinaryIO", Made(piece for piece, count in parts for _ in range(count)))


def read(name: str, *parts: tuple[bytes, int], block_bytes: int = MIB) -> list[Chunk]:
    return list(read_chunks(made(*parts), name=name, block_bytes=block_bytes))


@pytest.mark.parametrize("block_bytes", [MIB, 700_001])
@pytest.mark.parametrize(
    ("name", "before", "long", "after"),
    [
        ("x.jsonl", GOOD + b"\n", (b'{"a":"', b"x" * MIB, b'"}'), b"\n" + GOOD),
        (
            "x.json",
            b'{"events":[\n' + GOOD + b",",
            (b'{"a":"', b'x\\"{' * (MIB // 4), b'"}'),
            b"," + GOOD + b"]}",
        ),
        (
            "x.json",
            b"[\n" + GOOD + b",",
            (b'{"a":[', b'{"b":["}]]]xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]},' * (MIB // 60), b"1]}"),
            b"," + GOOD + b"]",
        ),
        ("x.csv", b"a,b\n1,2\n", (b"1,", b"x" * MIB, b""), b"\n3,4\n"),
        ("x.csv", b"a,b\n1,2\n", (b'1,"', b'x,\n""' * (MIB // 5), b'"'), b"\n3,4\n"),
    ],
)
def test_a_row_over_the_limit_is_one_malformed_row(
    name: str, before: bytes, long: tuple[bytes, bytes, bytes], after: bytes, block_bytes: int
) -> None:
    """The beginning of the row is kept, its length and hash cover all of it, and reading goes on after it."""
    opening, piece, closing = long
    whole = opening + piece * 20 + closing
    chunks = read(
        name, (before, 1), (opening, 1), (piece, 20), (closing, 1), (after, 1), block_bytes=block_bytes
    )
    (chunk,) = chunks
    assert chunk.raws is not None
    assert len(chunk.raws) == 3
    assert chunk.raws[1] == whole[:RAW_KEPT_BYTES]
    assert chunk.malformed[1].message == "row is longer than 16 MiB"
    assert chunk.malformed[1].raw_length == len(whole)
    assert chunk.malformed[1].raw_sha256 == hashlib.sha256(whole).digest()
    text = before + whole + after
    assert chunk.positions["byte_offset"][1] == text.index(whole)
    assert chunk.positions["line"][2] == 1 + text.count(b"\n", 0, chunk.positions["byte_offset"][2])
    assert list(chunk.malformed) == [1]


@pytest.mark.parametrize("extra", [0, 1])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_limit_is_exact(extra: int, end: bytes) -> None:
    """A row of exactly the greatest length is read, and one byte more is malformed."""
    line = b'{"a":"' + b"x" * (ROW_LIMIT_BYTES - 8 + extra) + b'"}'
    (chunk,) = read("x.jsonl", (GOOD + b"\n", 1), (line + end, 1))
    assert len(chunk.positions) == 2
    assert list(chunk.malformed) == [1] * extra
    (chunk,) = read("x.csv", (b"a,b\n1,2\n", 1), (b"1," + b"x" * (ROW_LIMIT_BYTES - 2 + extra) + end, 1))
    assert len(chunk.positions) == 2
    assert list(chunk.malformed) == [1] * extra


def test_a_stray_quote_that_swallows_too_much_is_refused() -> None:
    """A quote that is not closed within 16 MiB ends the file with an error that says where it is."""
    with pytest.raises(UsageImportError, match="row on line 3 is not closed"):
        read("x.csv", (b'a,b\n1,2\n1,"2\n', 1), (b"1,2\n" * (MIB // 4), 20))


MEASURE = """
import resource, sys
sys.path[:0] = {path!r}
from tests.flows.plain.test_reading_bounds import FILES
from flows.sources.reading import read_chunks
list(read_chunks(FILES[{kind!r}](1), name={kind!r}))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(len(chunk.positions) for chunk in read_chunks(FILES[{kind!r}]({mib}), name={kind!r}))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""

EVENT = {
    "eventName": "llm_request",
    "externalCustomerId": "contoso",
    "timestamp": "2026-01-01T00:00:00Z",
    "idempotencyKey": "0123456789",
    "properties": {"tokens": 123, "model": "gpt"},
}
LINES = b"".join(json.dumps(EVENT | {"n": n}).encode() + b"\n" for n in range(5000))[:-1] + b"\n"
PRETTY = b",\n".join(json.dumps(EVENT, indent=4).encode() for _ in range(4000)) + b",\n"
CELLS = b"".join(b'a,contoso,2026-01-01T00:00:00Z,%d,"{""tokens"": %d}"\n' % (n, n) for n in range(15000))


def packed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    pack = zlib.compressobj(1, wbits=31)
    for piece in pieces:
        yield pack.compress(piece)
    yield pack.flush()


FILES = {
    "lines.jsonl": lambda mib: made((LINES, mib)),
    "body.json": lambda mib: made(
        (b'{"events":[\n', 1), (PRETTY, mib), (json.dumps(EVENT).encode() + b"]}", 1)
    ),
    "lines.jsonl.gz": lambda mib: cast("BinaryIO", Made(packed(LINES for _ in range(mib)))),
    "cells.csv": lambda mib: made(
        (b"eventName,externalCustomerId,timestamp,n,properties\n", 1), (CELLS, mib)
    ),
    "line.jsonl": lambda mib: made((GOOD + b'\n{"a":"', 1), (b"x" * MIB, mib), (b'"}\n' + GOOD, 1)),
    "body.jsonl": lambda mib: made((b'{"events":[', 1), (LINES.replace(b"\n", b","), mib), (GOOD + b"]}", 1)),
    "bomb.jsonl.gz": lambda mib: cast(
        "BinaryIO", Made(packed(b'{"a":"' + b"x" * 1000 * 1000 + b'"}\n' for _ in range(mib)))
    ),
}


def measured(kind: str, mib: int) -> tuple[int, int]:
    """Return the rows, and the MiB of memory beyond those for a small file of the same kind."""
    script = MEASURE.format(path=[str(Path.cwd())], kind=kind, mib=mib)
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    rows, grown = map(int, ended.stdout.split())
    return rows, grown


@pytest.mark.parametrize("kind", FILES)
def test_memory_does_not_grow_with_the_file(kind: str) -> None:
    """A file of 160 MiB takes less than 120 MiB of memory more than one of 1 MiB."""
    rows, grown = measured(kind, 160)
    assert rows > 1
    assert grown < 120


def test_files_side_by_side_hold_no_more_than_one_alone() -> None:
    """Readers side by side share the size of a chunk, down to one row: two with whole chunks took 820 MiB, one takes 565."""
    alone = ChunkSize()
    for workers, files in ((2, 50), (4, 3), (1, 9)):
        beside = min(workers, files)
        chunk = Pace(workers=workers).chunk(files=files)
        assert chunk.rows * beside <= alone.rows < (chunk.rows + 1) * beside
        assert chunk.bytes * beside <= alone.bytes
    assert Pace(workers=8).chunk(files=1) == alone
    assert Pace(workers=8, chunk_rows=1).chunk(files=8).rows == 1
