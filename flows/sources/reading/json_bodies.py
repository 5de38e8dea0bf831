"""JSON bodies: events of a body or an array, or bodies one after another, split whatever their size.

A body is an object whose ``events`` is a list, unless an event's name came before it. Each element of the
list is a row, whatever it is.
"""

import re
from collections.abc import Callable, Iterator
from itertools import accumulate, repeat

import msgspec

from flows.sources.reading.interruption import BreakOffError
from flows.sources.reading.runs import OVERSIZED, RowList, Run
from flows.sources.reading.soundness import is_sound
from flows.sources.reading.values import BrokenError, Value, shown
from flows.sources.reading.window import Window, swallow
from schemas.frames.chunk import ROW_LIMIT_BYTES

BULK_BYTES = 1024 * 1024
"""Elements parsed at once: msgspec splits 2 GB/s so, against 50 MB/s one by one (measured)."""

GROWTH_BYTES = 4 * 1024 * 1024
"""A long row is taken in by steps of this size."""

HEAD_BYTES = 64 * 1024
"""A longer name in an object is no name of ours."""

EVENT_NAMES = frozenset({b'"eventName"', b'"event_name"'})
NAME = re.compile(
    rb'[ \t\r\n]*+("(?:[^"\\\x00-\x1f]|\\.)*+")[ \t\r\n]*+:[ \t\r\n]*+(?=[^ \t\r\n])', re.DOTALL
)
SEPARATOR = re.compile(rb"[ \t\r\n]*+([,}])")
BORDER = re.compile(rb"}[ \t\r\n]*+,[ \t\r\n]*+{")
PRETTY_BORDER = re.compile(rb"\n}[ \t\r\n]*+(?={)")
BORDERS_TRIED = 64

BREAK = "body cannot be split"

ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


def split_values(window: Window, rows: RowList) -> Iterator[Run]:
    """Runs of the events of all values that follow one another in the window's text; the last ones stay in ``rows``.

    Where the text breaks, the rows before stand. The rest is one malformed row; of a body it breaks off, since one row
    could hide millions.
    """
    breaks_off = window.skip_blanks() and is_body(window)
    try:
        yield from _values(window, rows)
    except BrokenError as error:
        yield from rows.rest()
        if breaks_off:
            raise BreakOffError(f"{BREAK}: {error} at byte {window.offset + error.at}") from error
        yield swallow(window, f"{BREAK}: {error} at byte {error.at}")
    except BreakOffError:
        yield from rows.rest()
        raise


def split_whole(text: bytes, rows: RowList, *, line: int, offset: int) -> None:
    """Adds the events of a body or array that is all of a text; else, or where it cannot be split, one row."""
    window, found = Window(iter([text]), line=line, offset=offset), RowList(limit=len(text))
    message = None
    try:
        if window.skip_blanks() and is_body(window):
            for _ in _values(window, found):
                raise AssertionError
            rows.join(found)
            return
    except BrokenError as error:
        at = window.offset - offset + error.at
        message = f"{BREAK}: {error} at byte {at}"
    rows.add(text, line=line, offset=offset, message=message)


def _values(window: Window, rows: RowList) -> Iterator[Run]:
    exact_until = 0
    while window.skip_blanks():
        if window.data.startswith(b"[", window.at):
            window.drop(1)
            yield from _elements(window, rows)
        elif window.offset < exact_until or (exact_until := _bulk_objects(window, rows)):
            yield from _object(window, rows)
        yield from rows.full()


def is_body(window: Window) -> bool:
    """Whether the window's text begins with a list, or with a body as far as a row may reach."""
    return window.data.startswith(b"[", window.at) or (
        window.data.startswith(b"{", window.at) and _events_list(window) is not None
    )


def _object(window: Window, rows: RowList) -> Iterator[Run]:
    """The events of a body, or one row where the object is none."""
    if not window.data.startswith(b"{", window.at):
        raise BrokenError(f"unexpected {shown(window.data[window.at])}", 0)
    opening = _events_list(window)
    if opening is None:
        yield from _row(window, rows)
        return
    window.drop(opening)
    yield from _elements(window, rows)
    while _separator(window) == b",":
        name = _name(window, 0)
        if name is None:
            raise BrokenError("a name is expected", 0)
        window.drop(name.end() - window.at)
        if name[1] == b'"events"' and window.data.startswith(b"[", window.at):
            window.drop(1)
            yield from _elements(window, rows)
        else:
            _skip(window)


def _events_list(window: Window) -> int | None:
    """Bytes up to and with the bracket that opens the list of events; None where the object has none."""
    at = 1
    while at <= ROW_LIMIT_BYTES and (name := _name(window, at)):
        at = name.end() - window.at
        if name[1] in EVENT_NAMES:
            return None
        if name[1] == b'"events"' and window.data.startswith(b"[", name.end()):
            return at + 1
        try:
            at = _value_end(window, at)
        except BrokenError:
            return None
        separator = _match(window, SEPARATOR, at)
        if separator is None or separator[1] == b"}":
            return None
        at = separator.end() - window.at
    return None


def _elements(window: Window, rows: RowList) -> Iterator[Run]:
    """The elements of a list whose opening bracket is passed."""
    exact_until = 0
    if _next_byte(window) == b"]":
        window.drop(1)
        return
    while True:
        if window.offset < exact_until or (exact_until := _bulk_elements(window, rows)):
            yield from _row(window, rows)
        yield from rows.full()
        found = _next_byte(window)
        if found not in b",]":
            raise BrokenError(f"',' or ']' is expected, not {shown(found[0])}", 0)
        window.drop(1)
        if found == b"]":
            return
        _next_byte(window)


def _bulk_elements(window: Window, rows: RowList) -> int:
    """Takes as many elements as lie whole in the window; answers 0, or the offset from which to try again.

    A prefix of a list that ends at a border and parses as a list of its own holds the same elements as the
    list: a parser that reads from the left comes to the border in the same state.
    """
    window.reach(BULK_BYTES)
    length = _last_border(window)
    if length is None:
        return window.offset + min(len(window), BULK_BYTES)
    text = window.data[window.at : window.at + length]
    raws = _parsed(text)
    if raws is None:
        return window.offset + length
    _place(raws, text, window, rows)
    window.drop(length)
    return 0


def _bulk_objects(window: Window, rows: RowList) -> int:
    """The same for events that follow one another pretty-printed, without a list around them."""
    window.reach(BULK_BYTES)
    text = window.data[window.at : window.at + BULK_BYTES]
    again = window.offset + len(text)
    if b'"events"' in text:
        return again
    pieces, end = [], 0
    for border in PRETTY_BORDER.finditer(text):
        pieces.append(text[end : border.start() + len(b"\n}")])
        end = border.end()
    if not pieces or _parsed(b",".join(pieces)) != pieces:
        return again
    _place(pieces, text, window, rows)
    window.drop(end)
    return 0


def _parsed(elements: bytes) -> list[bytes] | None:
    """The elements of a list without its brackets, or None where they are no sound JSON."""
    if not is_sound(elements):
        return None
    try:
        return [bytes(raw) for raw in ELEMENTS.decode(b"[" + elements + b"]")]
    except (msgspec.DecodeError, RecursionError):
        return None


def _place(raws: list[bytes], text: bytes, window: Window, rows: RowList) -> None:
    """Takes values that lie in this order in ``text``, where the window is."""
    first = len(raws[0])
    gap = text[first : text.find(raws[1], first)] if len(raws) > 1 else b""
    if text.startswith(gap.join(raws)):
        starts = accumulate((len(raw) + len(gap) for raw in raws[:-1]), initial=window.offset)
        feeds = gap.count(b"\n")
        numbers = (
            accumulate((raw.count(b"\n") + feeds for raw in raws[:-1]), initial=window.line)
            if b"\n" in text
            else repeat(window.line, len(raws))
        )
        rows.extend(raws, lines=numbers, offsets=starts)
        return
    lines, offsets, line, end = [], [], window.line, 0
    for raw in raws:
        start = text.find(raw, end)
        line += text.count(b"\n", end, start)
        lines.append(line)
        offsets.append(window.offset + start)
        line += raw.count(b"\n")
        end = start + len(raw)
    rows.extend(raws, lines=lines, offsets=offsets)


def _last_border(window: Window) -> int | None:
    """Bytes up to the last closing brace that a comma and another object follow."""
    end = min(len(window.data), window.at + 2 * BULK_BYTES)
    for _ in range(BORDERS_TRIED):
        end = window.data.rfind(b"}", window.at, end)
        if end < 0:
            return None
        if BORDER.match(window.data, end):
            return end + 1 - window.at
    return None


def _row(window: Window, rows: RowList) -> Iterator[Run]:
    """The value at the window as one row."""
    try:
        end = _value_end(window, 0)
    except BrokenError as error:
        if error.at <= ROW_LIMIT_BYTES:
            raise
        end = error.at
    if end > ROW_LIMIT_BYTES:
        yield from rows.rest()
        yield swallow(window, OVERSIZED, end=_end_or_never())
    else:
        line, offset = window.line, window.offset
        rows.add(window.take(end), line=line, offset=offset)


def _end_or_never() -> Callable[[bytes], int | None]:
    """Finds the end of a value too long to be held; what breaks goes on to the end of the text."""
    value: Value | None = Value()

    def end(piece: bytes) -> int | None:
        nonlocal value
        try:
            return value.end(piece) if value else None
        except BrokenError:
            value = None
            return None

    return end


def _value_end(window: Window, start: int) -> int:
    """Bytes up to the end of the value ``start`` bytes on, or more than a row may have."""
    value, seen = Value(), start
    try:
        while (end := value.end(window.data, window.at + seen)) is None:
            seen = len(window)
            if seen > ROW_LIMIT_BYTES:
                return seen
            if not window.grow(min(seen, GROWTH_BYTES)):
                break
    except BrokenError as error:
        raise BrokenError(str(error), error.at - window.at) from error
    if end is None:
        raise BrokenError("the text ends in the middle", seen)
    return end - window.at


def _skip(window: Window) -> None:
    """Goes past a value of any size."""
    value = Value()
    while (end := value.end(window.data, window.at)) is None:
        window.drop(len(window))
        if not window.grow():
            raise BrokenError("the text ends in the middle", 0)
    window.drop(end - window.at)


def _next_byte(window: Window) -> bytes:
    if not window.skip_blanks():
        raise BrokenError("the text ends in the middle", 0)
    return window.data[window.at : window.at + 1]


def _separator(window: Window) -> bytes:
    """Goes past the comma or brace that must follow in an object."""
    found = _next_byte(window)
    if found not in b",}":
        raise BrokenError(f"',' or '}}' is expected, not {shown(found[0])}", 0)
    window.drop(1)
    return found


def _name(window: Window, start: int) -> re.Match[bytes] | None:
    return _match(window, NAME, start)


def _match(window: Window, pattern: re.Pattern[bytes], start: int) -> re.Match[bytes] | None:
    """A match of at most HEAD_BYTES, ``start`` bytes on."""
    while (match := pattern.match(window.data, window.at + start)) is None:
        if len(window) - start > HEAD_BYTES or not window.grow():
            return None
    return match if match.end() - match.start() <= HEAD_BYTES else None
