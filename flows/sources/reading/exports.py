"""Read an export in chunks of rows, in the format that its first bytes and its name show."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import BinaryIO

import polars as pl

from flows.sources.reading import names, sniffing
from flows.sources.reading.chunks import CHUNK, ChunkSize, cut_chunks
from flows.sources.reading.csv_header import read_header
from flows.sources.reading.csv_records import Grammar
from flows.sources.reading.csv_rows import split_records
from flows.sources.reading.decompression import BLOCK_BYTES, compression, decompressed
from flows.sources.reading.json_bodies import is_body, split_values, split_whole
from flows.sources.reading.json_lines import split_lines
from flows.sources.reading.parquet import MAGIC, read_parquet
from flows.sources.reading.runs import RowList, Run
from flows.sources.reading.window import Window
from schemas.errors import UsageImportError
from schemas.frames.chunk import ROW_LIMIT_BYTES, Chunk
from transforms.values.text import foreign_words


def read_chunks(
    stream: BinaryIO,
    *,
    name: str,
    after_row: int = 0,
    chunk: ChunkSize = CHUNK,
    block_bytes: int = BLOCK_BYTES,
) -> Iterator[Chunk]:
    """Yield the rows of a file after row number ``after_row``, in chunks of at most ``chunk`` rows and bytes.

    stream: the file's bytes from its beginning; Parquet that cannot be sought in is copied to a temporary file first.
    name: names the file in errors and hints at its format ("-" hints at none).
    Chunk and block sizes never change a row, its place or a message.
    Raises UsageImportError if the format is unknown, or the file is damaged or breaks off; the rows before the break are yielded first.
    """
    name = names.printable(name)
    counting = CountingStream(stream)
    head = counting.read(len(MAGIC))
    ending = TextEnding()
    with ExitStack() as spools:
        if head == MAGIC:
            file = stream if _rewind(stream) else spools.enter_context(_spool(head, stream))
            runs, progress = read_parquet(file, name=name, after_row=after_row), file.tell
        else:
            runs, progress = _text_runs(counting, head, ending, name=name, size=block_bytes), counting.tell
        chunks = cut_chunks(
            runs, name=name, after_row=after_row, size=chunk, progress=progress, ends_open=ending.is_open
        )
        yield from _in_one_line(chunks, f"{name}: not readable{' as Parquet' * (head == MAGIC)}")


def _in_one_line(chunks: Iterator[Chunk], what: str) -> Iterator[Chunk]:
    """Yield the chunks; raise UsageImportError for any error of a library, so that no import stays unfinished."""
    try:
        yield from chunks
    except UsageImportError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise UsageImportError(f"{what} ({foreign_words(error)}); write the file again") from error


class TextEnding:
    """The end of a text: whether it is CSV that has been read to its end, and whether its last row has a line end."""

    def __init__(self) -> None:
        self.csv: Window | None = None
        self._last = b""

    def watch(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the same blocks, and note the last byte."""
        for block in blocks:
            self._last = block[-1:] or self._last
            yield block

    def is_open(self) -> bool:
        """Return whether the text is CSV and has ended without a line end."""
        return self.csv is not None and self.csv.is_ended and self._last not in {b"", b"\n", b"\r"}


class CountingStream:
    """A stream that counts the bytes read from it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._read = 0

    def read(self, size: int) -> bytes:
        """Return between one and ``size`` bytes, or none at the end.

        A size up to that of the longest format mark is filled, unless the stream ends before.
        """
        data = self._stream.read(size)
        while 0 < len(data) < min(size, len(MAGIC)) and (more := self._stream.read(size - len(data))):
            data += more
        self._read += len(data)
        return data

    def tell(self) -> int:
        """Return the number of bytes read so far."""
        return self._read


def _rewind(stream: BinaryIO) -> bool:
    if not stream.seekable():
        return False
    stream.seek(0)
    return True


def _spool(head: bytes, stream: BinaryIO) -> BinaryIO:
    """Copy a stream that cannot be sought in to a temporary file, which is deleted when it is closed."""
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the reader
    block = head
    while block:
        spool.write(block)
        block = stream.read(BLOCK_BYTES)
    spool.seek(0)
    return spool


def _text_runs(
    stream: CountingStream, head: bytes, ending: TextEnding, *, name: str, size: int
) -> Iterator[Run]:
    """Yield the rows of a text that may be compressed, read in blocks of ``size`` bytes."""
    blocks: Iterator[bytes] = _blocks(stream.read, head, size)
    kind = compression(head)
    if kind is not None:
        blocks = decompressed(blocks, kind, size=size)
    window = Window(ending.watch(blocks))
    window.reach(sniffing.HEAD_BYTES)
    yield from _split(window, ending, name=name)


def _blocks(read: Callable[[int], bytes], head: bytes, size: int) -> Iterator[bytes]:
    block = head
    while block:
        yield block
        block = read(size)


def _split(window: Window, ending: TextEnding, *, name: str) -> Iterator[Run]:
    """Yield the rows of a text in its format; raise UsageImportError if the format is unknown."""
    head = window.data[: sniffing.HEAD_BYTES]
    if sniffing.is_utf16_or_utf32(head):
        raise UsageImportError(f"{name}: the text is UTF-16 or UTF-32; convert it to UTF-8")
    if found := sniffing.foreign_format(head):
        raise UsageImportError(f"{name}: holds {found}; unpack or export it as JSON lines, CSV or Parquet")
    if head.startswith(sniffing.UTF8_MARK):
        window.drop(len(sniffing.UTF8_MARK))
    if not window.skip_blank_lines():
        return iter(())
    window.reach(sniffing.HEAD_BYTES)
    head = window.data[window.at : window.at + sniffing.HEAD_BYTES]
    suffix = names.format_ending(name)
    mark = sniffing.delimiter(head, suffix)
    if sniffing.is_csv(head, mark, suffix):
        ending.csv = window
        return _csv_runs(window, name=name, grammar=Grammar(mark))
    if not sniffing.is_any_json(head, suffix):
        raise UsageImportError(f"{name}: neither JSON, CSV nor Parquet; see what the file holds")
    return _value_runs(window) if _is_pretty(window) else split_lines(window)


def _is_pretty(window: Window) -> bool:
    """Return whether a value spans several lines; grows the window to its first lines, as far as a row may reach."""
    while len(window) <= ROW_LIMIT_BYTES and not sniffing.has_two_whole_lines(window.data[window.at :]):
        if not window.reach(2 * len(window) + 1):
            break
    return sniffing.is_pretty(window.data[window.at : window.at + ROW_LIMIT_BYTES])


def _value_runs(window: Window) -> Iterator[Run]:
    """Yield the rows of values that do not lie one on each line.

    A body no longer than a row is split as a whole or is one malformed row. The rows of a longer one have been yielded
    by the time a fault in it is found.
    """
    rows = RowList()
    if window.skip_blanks() and is_body(window) and not window.reach(ROW_LIMIT_BYTES + 1) and window.is_ended:
        line, offset = window.line, window.offset
        split_whole(window.take(len(window)), rows, line=line, offset=offset)
    else:
        yield from split_values(window, rows)
    yield from rows.flush()


def _csv_runs(window: Window, *, name: str, grammar: Grammar) -> Iterator[Run]:
    header = read_header(window, name=name, grammar=grammar)
    if header is not None:
        yield from split_records(window, header, name=name)
