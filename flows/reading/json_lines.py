"""JSON lines: an event a line; a line may also be a body or an array of events."""

import re
from collections.abc import Iterator

from flows.reading.json_bodies import split_values
from flows.reading.runs import OVERSIZED, RowList, Run, run_of_lines
from flows.reading.soundness import is_sound
from flows.reading.window import Window, swallow
from schemas.chunk import ROW_LIMIT_BYTES

BLANKS = b" \t\r"
EVENTS = re.compile(rb'"events"[ \t]*+:[ \t]*+\[')


def split_lines(window: Window) -> Iterator[Run]:
    """Runs of rows, one a line, more where a line holds several events."""
    while len(window) or window.grow():
        end = window.data.rfind(b"\n", window.at) + 1
        if end:
            yield from _lines(window, end - window.at)
        elif len(window) > ROW_LIMIT_BYTES:
            rest = _until_line_end(window)
            yield from _long_line(Window(rest, offset=window.offset, line=window.line))
        elif not window.grow(max(1, len(window))):
            yield from _lines(window, len(window))


def _lines(window: Window, length: int) -> Iterator[Run]:
    """The next ``length`` bytes: whole lines, but for a last line end that may be missing."""
    line, offset = window.line, window.offset
    text = window.take(length)
    body = text[:-1] if text.endswith(b"\n") else text
    count = body.count(b"\n") + 1
    if not _is_plain(body, count):
        yield from _mixed_lines(body, line=line, offset=offset)
    elif b"\r" not in body:
        yield run_of_lines(body.split(b"\n"), line=line, offset=offset, separator=1)
    elif body.count(b"\r\n") == body.count(b"\r") - 1 == count - 1 and body.endswith(b"\r"):
        yield run_of_lines(body[:-1].split(b"\r\n"), line=line, offset=offset, separator=2)
    else:
        yield from _mixed_lines(body, line=line, offset=offset)


def _is_plain(body: bytes, count: int) -> bool:
    """Whether each line is an object, none of them a body, and none of them malformed here."""
    return (
        body.startswith(b"{")
        and body.count(b"\n{") == count - 1
        and len(body) <= ROW_LIMIT_BYTES
        and is_sound(body)
        and not (b'"events"' in body and EVENTS.search(body))
    )


def _mixed_lines(body: bytes, *, line: int, offset: int) -> Iterator[Run]:
    rows = RowList()
    for number, text in enumerate(body.split(b"\n"), line):
        raw = text.strip(BLANKS)
        start = offset + len(text) - len(text.lstrip(BLANKS))
        if len(text) > ROW_LIMIT_BYTES or _holds_events(raw):
            if len(rows):
                yield rows.run()
            yield from _long_line(Window(iter([text]), line=number, offset=offset))
        elif raw:
            rows.add(raw, line=number, offset=start)
        offset += len(text) + 1
    if len(rows):
        yield rows.run()


def _holds_events(text: bytes) -> bool:
    return text.startswith(b"[") or (text.startswith(b"{") and EVENTS.search(text) is not None)


def _long_line(line: Window) -> Iterator[Run]:
    """One line of any size: a body or an array, else one row."""
    if not line.skip_blanks():
        return
    # One byte more than a row may have, and one for the carriage return
    is_long = line.reach(ROW_LIMIT_BYTES + 2)
    raw = line.data[line.at : line.at + ROW_LIMIT_BYTES + 2].rstrip(BLANKS)
    if _holds_events(raw):
        yield from split_values(line)
    elif is_long or len(raw) > ROW_LIMIT_BYTES:
        yield swallow(line, OVERSIZED)
    else:
        rows = RowList()
        rows.add(raw, line=line.line, offset=line.offset)
        yield rows.run()


def _until_line_end(window: Window) -> Iterator[bytes]:
    """The pieces of one line; goes past its end."""
    while len(window) or window.grow():
        end = window.data.find(b"\n", window.at)
        if end >= 0:
            piece = window.take(end - window.at)
            window.drop(1)
            yield piece
            return
        yield window.take(len(window))
