"""Split JSON lines: a line holds one event, or a body or an array of events."""

import re
from collections.abc import Iterator
from operator import itemgetter

from flows.sources.reading.json_bodies import is_body, split_values, split_whole
from flows.sources.reading.runs import OVERSIZED, RowList, Run, run_of_lines
from flows.sources.reading.soundness import is_sound
from flows.sources.reading.window import Window, consume_malformed
from schemas.frames.chunk import ROW_LIMIT_BYTES

FIRST_BYTE = itemgetter(0)
BLANKS = b" \t\r"
EVENTS = re.compile(rb'"events"[ \t]*+:[ \t]*+\[')
"""The beginning of the list of events in a body."""


def split_lines(window: Window) -> Iterator[Run]:
    """Yield runs of rows: one row a line, or several if a line holds several events."""
    while len(window) or window.grow():
        end = window.data.rfind(b"\n", window.at) + 1
        if end:
            yield from _lines(window, end - window.at)
        elif len(window) > ROW_LIMIT_BYTES:
            rows = RowList()
            rest = _until_line_end(window)
            yield from _long_line(Window(rest, offset=window.offset, line=window.line), rows)
            yield from rows.flush()
        elif not window.grow(max(1, len(window))):
            yield from _lines(window, len(window))


def _lines(window: Window, length: int) -> Iterator[Run]:
    """Yield the rows of the next ``length`` bytes: whole lines, except that the last may lack its line feed."""
    line, offset = window.line, window.offset
    text = window.data[window.at : window.at + length]
    lines = text.split(b"\n")
    window.drop(length, lines=len(lines) - 1)
    if text.endswith(b"\n"):
        lines.pop()
    returns = [raw.endswith(b"\r") for raw in lines] if b"\r" in text else [False]
    if _is_plain(text, lines) and (all(returns) or not any(returns)):
        raws = [raw[:-1] for raw in lines] if all(returns) else lines
        yield run_of_lines(raws, line=line, offset=offset, separator=1 + all(returns))
    else:
        yield from _mixed_lines(lines, line=line, offset=offset)


def _is_plain(text: bytes, lines: list[bytes]) -> bool:
    """Return whether each line is an object that is sound and no body."""
    # A search for one byte is 50 times as fast as the pattern, and most exports hold no list at all.
    if len(text) > ROW_LIMIT_BYTES or not is_sound(text) or (b"[" in text and EVENTS.search(text)):
        return False
    return all(lines) and set(map(FIRST_BYTE, lines)) == {ord("{")}


def _mixed_lines(lines: list[bytes], *, line: int, offset: int) -> Iterator[Run]:
    """Yield the rows of lines of any kind, one line at a time."""
    rows = RowList()
    for number, text in enumerate(lines, line):
        raw = text.removesuffix(b"\r")
        if len(text) > ROW_LIMIT_BYTES:
            yield from _long_line(Window(iter([text]), line=number, offset=offset), rows)
        elif _holds_events(raw):
            split_whole(raw, rows, line=number, offset=offset)
        elif raw.strip(BLANKS):
            rows.add(raw, line=number, offset=offset)
        yield from rows.flush_if_full()
        offset += len(text) + 1
    yield from rows.flush()


def _holds_events(line: bytes) -> bool:
    """Return whether a line is a list, or an object that may be a body."""
    text = line.lstrip(BLANKS)
    return text.startswith(b"[") or (text.startswith(b"{") and EVENTS.search(text) is not None)


def _long_line(line: Window, rows: RowList) -> Iterator[Run]:
    """Yield the rows of a line longer than a row may be: those of a body or an array, else one row."""
    # One byte more than a row may have, and one for the carriage return.
    is_long = line.reach(ROW_LIMIT_BYTES + 2)
    raw = line.data[line.at : line.at + ROW_LIMIT_BYTES + 2].removesuffix(b"\r")
    if _holds_events(raw) and line.skip_blanks() and is_body(line):
        yield from split_values(line, rows)
    elif not raw.strip(BLANKS) and not line.skip_blanks():
        return
    elif is_long or len(raw) > ROW_LIMIT_BYTES:
        yield from rows.flush()
        yield consume_malformed(line, OVERSIZED)
    else:
        rows.add(raw, line=line.line, offset=line.offset)


def _until_line_end(window: Window) -> Iterator[bytes]:
    """Yield the pieces of one line, and move past its end."""
    while len(window) or window.grow():
        end = window.data.find(b"\n", window.at)
        if end >= 0:
            piece = window.take(end - window.at)
            window.drop(1)
            yield piece
            return
        yield window.take(len(window))
