"""Split JSON bodies and arrays of any size into the events they hold.

A body is an object with a list under ``events``, unless an event's name comes before it. Each element of the list is a
row, whatever it is. Bodies, arrays and events may follow one another.
"""

import re
from collections.abc import Callable, Iterator

from flows.sources.reading.interruption import InterruptionError
from flows.sources.reading.json_bulk import take_elements, take_objects
from flows.sources.reading.runs import OVERSIZED, RowList, Run
from flows.sources.reading.values import BrokenJsonError, Value, display_byte
from flows.sources.reading.window import GROWTH_BYTES, Window, consume_malformed
from schemas.frames.chunk import ROW_LIMIT_BYTES

HEAD_BYTES = 64 * 1024
"""The longest name in an object that is looked at; a longer one is none that matters."""

EVENT_NAMES = frozenset({b'"eventName"', b'"event_name"'})
"""The names that make an object an event, even if a list named ``events`` follows."""

NAME = re.compile(
    rb'[ \t\r\n]*+("(?:[^"\\\x00-\x1f]|\\.)*+")[ \t\r\n]*+:[ \t\r\n]*+(?=[^ \t\r\n])', re.DOTALL
)
"""A name in an object (group 1, with its quotes) up to its value."""

SEPARATOR = re.compile(rb"[ \t\r\n]*+([,}])")
"""The comma or brace after a value in an object."""

BREAK = "body cannot be split"


def split_values(window: Window, rows: RowList) -> Iterator[Run]:
    """Yield runs of the events of all values in the window's text; the last events stay in ``rows``.

    At a fault in the JSON, the rows before it stand and the rest of the text is one malformed row. Within a body the fault
    raises InterruptionError instead, since one malformed row could hide millions of events.
    """
    breaks_off = window.skip_blanks() and is_body(window)
    try:
        yield from _values(window, rows)
    except BrokenJsonError as error:
        yield from rows.flush()
        if breaks_off:
            raise InterruptionError(f"{BREAK}: {error} at byte {window.offset + error.at}") from error
        yield consume_malformed(window, f"{BREAK}: {error} at byte {error.at}")
    except InterruptionError:
        yield from rows.flush()
        raise


def split_whole(text: bytes, rows: RowList, *, line: int, offset: int) -> None:
    """Add the events of a text that is one body or array; add one row if it is neither or cannot be split."""
    window, found = Window(iter([text]), line=line, offset=offset), RowList(limit=len(text))
    message = None
    try:
        if window.skip_blanks() and is_body(window):
            for _ in _values(window, found):
                raise AssertionError
            rows.join(found)
            return
    except BrokenJsonError as error:
        at = window.offset - offset + error.at
        message = f"{BREAK}: {error} at byte {at}"
    rows.add(text, line=line, offset=offset, message=message)


def _values(window: Window, rows: RowList) -> Iterator[Run]:
    """Yield the rows of all values that follow one another."""
    exact_until = 0  # up to this offset values are split one by one
    while window.skip_blanks():
        if window.data.startswith(b"[", window.at):
            window.drop(1)
            yield from _elements(window, rows)
        elif window.offset < exact_until or (exact_until := take_objects(window, rows)):
            yield from _object(window, rows)
        yield from rows.flush_if_full()


def is_body(window: Window) -> bool:
    """Return whether the window's text begins with a list, or with a body whose list begins within the length of a row."""
    return window.data.startswith(b"[", window.at) or (
        window.data.startswith(b"{", window.at) and _events_start(window) is not None
    )


def _object(window: Window, rows: RowList) -> Iterator[Run]:
    """Yield the events of a body, or one row if the object is not a body."""
    if not window.data.startswith(b"{", window.at):
        raise BrokenJsonError(f"unexpected {display_byte(window.data[window.at])}", 0)
    opening = _events_start(window)
    if opening is None:
        yield from _row(window, rows)
        return
    window.drop(opening)
    yield from _elements(window, rows)
    while _separator(window) == b",":
        name = _name(window, 0)
        if name is None:
            raise BrokenJsonError("a name is expected", 0)
        window.drop(name.end() - window.at)
        if name[1] == b'"events"' and window.data.startswith(b"[", window.at):
            window.drop(1)
            yield from _elements(window, rows)
        else:
            _skip(window)


def _events_start(window: Window) -> int | None:
    """Return the number of bytes up to the first element of the list of events, or None if the object has no such list."""
    at = 1
    while at <= ROW_LIMIT_BYTES and (name := _name(window, at)):
        at = name.end() - window.at
        if name[1] in EVENT_NAMES:
            return None
        if name[1] == b'"events"' and window.data.startswith(b"[", name.end()):
            return at + 1
        try:
            at = _value_end(window, at)
        except BrokenJsonError:
            return None
        separator = _match(window, SEPARATOR, at)
        if separator is None or separator[1] == b"}":
            return None
        at = separator.end() - window.at
    return None


def _elements(window: Window, rows: RowList) -> Iterator[Run]:
    """Yield the elements of a list; the window is after its opening bracket."""
    exact_until = 0  # up to this offset elements are split one by one
    if _next_byte(window) == b"]":
        window.drop(1)
        return
    while True:
        if window.offset < exact_until or (exact_until := take_elements(window, rows)):
            yield from _row(window, rows)
        yield from rows.flush_if_full()
        found = _next_byte(window)
        if found not in b",]":
            raise BrokenJsonError(f"',' or ']' is expected, not {display_byte(found[0])}", 0)
        window.drop(1)
        if found == b"]":
            return
        _next_byte(window)


def _row(window: Window, rows: RowList) -> Iterator[Run]:
    """Take the value at the window as one row."""
    try:
        end = _value_end(window, 0)
    except BrokenJsonError as error:
        if error.at <= ROW_LIMIT_BYTES:
            raise
        end = error.at
    if end > ROW_LIMIT_BYTES:
        yield from rows.flush()
        yield consume_malformed(window, OVERSIZED, end=_end_or_never())
    else:
        line, offset = window.line, window.offset
        rows.add(window.take(end), line=line, offset=offset)


def _end_or_never() -> Callable[[bytes], int | None]:
    """Return a function that finds the end of a value too long to be held; a broken one goes on to the end of the text."""
    value: Value | None = Value()

    def end(piece: bytes) -> int | None:
        nonlocal value
        try:
            return value.end(piece) if value else None
        except BrokenJsonError:
            value = None
            return None

    return end


def _value_end(window: Window, start: int) -> int:
    """Return the number of bytes up to the end of the value ``start`` bytes on, or more than a row may have."""
    value, seen = Value(), start
    try:
        while (end := value.end(window.data, window.at + seen)) is None:
            seen = len(window)
            if seen > ROW_LIMIT_BYTES:
                return seen
            if not window.grow(min(seen, GROWTH_BYTES)):
                break
    except BrokenJsonError as error:
        raise BrokenJsonError(str(error), error.at - window.at) from error
    if end is None:
        raise BrokenJsonError("the text ends in the middle", seen)
    return end - window.at


def _skip(window: Window) -> None:
    """Move past a value of any size."""
    value = Value()
    while (end := value.end(window.data, window.at)) is None:
        window.drop(len(window))
        if not window.grow():
            raise BrokenJsonError("the text ends in the middle", 0)
    window.drop(end - window.at)


def _next_byte(window: Window) -> bytes:
    if not window.skip_blanks():
        raise BrokenJsonError("the text ends in the middle", 0)
    return window.data[window.at : window.at + 1]


def _separator(window: Window) -> bytes:
    """Move past the comma or brace that must follow in an object, and return it."""
    found = _next_byte(window)
    if found not in b",}":
        raise BrokenJsonError(f"',' or '}}' is expected, not {display_byte(found[0])}", 0)
    window.drop(1)
    return found


def _name(window: Window, start: int) -> re.Match[bytes] | None:
    return _match(window, NAME, start)


def _match(window: Window, pattern: re.Pattern[bytes], start: int) -> re.Match[bytes] | None:
    """Return a match of at most HEAD_BYTES that begins ``start`` bytes on, growing the window as needed."""
    while (match := pattern.match(window.data, window.at + start)) is None:
        if len(window) - start > HEAD_BYTES or not window.grow():
            return None
    return match if match.end() - match.start() <= HEAD_BYTES else None
