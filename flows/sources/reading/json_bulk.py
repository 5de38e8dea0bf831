"""Split many JSON values at once, as far as they lie whole in the window.

The results are those of splitting one by one (``json_bodies``), at forty times the speed.
"""

import re
from itertools import accumulate, repeat

import msgspec

from flows.sources.reading.runs import RowList
from flows.sources.reading.soundness import is_sound
from flows.sources.reading.window import Window

BULK_BYTES = 1024 * 1024
"""Bytes of elements that are parsed at once: msgspec splits 2 GB/s this way, against 50 MB/s one by one (measured)."""

BORDER = re.compile(rb"}[ \t\r\n]*+,[ \t\r\n]*+{")
"""The border between two elements of a list; within a string or an element it only looks like one."""

PRETTY_BORDER = re.compile(rb"\n}[ \t\r\n]*+(?={)")
"""The border between two pretty-printed objects."""

BORDERS_TRIED = 64
"""The most closing braces that are examined for a border, from the end of the text."""

ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


def take_elements(window: Window, rows: RowList) -> int:
    """Take as many elements as lie whole in the window; return 0, or the offset from which to try again.

    A prefix of a list that ends between two objects and parses as a list of its own holds the same elements as the list:
    a parser that reads from the left is in the same state there.
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


def take_objects(window: Window, rows: RowList) -> int:
    """Do the same for pretty-printed events that follow one another without a list around them."""
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
    """Return the elements of a list without its brackets, or None if they are no sound JSON."""
    if not is_sound(elements):
        return None
    try:
        return [bytes(raw) for raw in ELEMENTS.decode(b"[" + elements + b"]")]
    except (msgspec.DecodeError, RecursionError):
        return None


def _place(raws: list[bytes], text: bytes, window: Window, rows: RowList) -> None:
    """Add values that lie in this order in ``text``, which begins where the window is."""
    first = len(raws[0])
    gap = text[first : text.find(raws[1], first)] if len(raws) > 1 else b""
    # Most writers put the same bytes between all values; then their places follow from their lengths.
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
    """Return the number of bytes up to the last closing brace before a comma and another object."""
    end = min(len(window.data), window.at + 2 * BULK_BYTES)
    for _ in range(BORDERS_TRIED):
        end = window.data.rfind(b"}", window.at, end)
        if end < 0:
            return None
        if BORDER.match(window.data, end):
            return end + 1 - window.at
    return None
