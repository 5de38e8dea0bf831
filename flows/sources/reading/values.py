"""Values: where one JSON value ends, found without understanding it."""

import re

OPENING = {ord("}"): ord("{"), ord("]"): ord("[")}
PLAIN = rb"[^\"\\\x00-\x1f]*+(?:\\.[^\"\\\x00-\x1f]*+)*+"
BRACKET = re.compile(rb'["{}\[\]]')
BRACKET_BEYOND_TEXTS = re.compile(rb'[^"{}\[\]]*+(?:"' + PLAIN + rb'"[^"{}\[\]]*+)*+[{}\[\]]', re.DOTALL)
TEXT = re.compile(PLAIN, re.DOTALL)
SCALAR_STOP = re.compile(rb"[\s,\]}\[{\":]")

DEPTH_LIMIT = 16 * 1024 * 1024
"""Brackets open at a time; more than a row of the greatest length can open."""


def shown(byte: int) -> str:
    """A byte as an error shows it."""
    return f"'{chr(byte)}'" if 0x20 <= byte < 0x7F else f"byte 0x{byte:02x}"


class BrokenError(Exception):
    """A JSON text that cannot be split any further.

    at: index, in the piece shown last, of the byte where that shows.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Value:
    """One JSON value, shown piece after piece.

    Brackets must match and a text must not contain control characters; nothing else is checked.
    """

    def __init__(self) -> None:
        self._open = bytearray()
        self._is_text = False
        self._is_escaped = False
        self._is_scalar = False

    @property
    def open(self) -> bytes:
        """The brackets that are open, the innermost last."""
        return bytes(self._open)

    @property
    def is_text(self) -> bool:
        """Whether a text is open."""
        return self._is_text

    def end(self, piece: bytes, start: int = 0) -> int | None:
        """Index after the value's last byte, or None where the value goes on in the next piece."""
        at, has_brackets = start, True
        while at < len(piece):
            if self._is_text:
                at = self._text(piece, at)
            elif self._is_scalar:
                stop = SCALAR_STOP.search(piece, at)
                return stop.start() if stop else None
            elif self._open:
                found = BRACKET_BEYOND_TEXTS.match(piece, at) if has_brackets else None
                # Once none is in sight, looking again after each text would take the square of the time
                has_brackets = found is not None
                at = self._bracket(piece, found.end() - 1 if found else at)
            else:
                at = self._begin(piece, at)
            if not (self._open or self._is_text or self._is_scalar):
                return at
        return None

    def _begin(self, piece: bytes, at: int) -> int:
        first = piece[at : at + 1]
        if first in b"{[":
            self._open += first
        elif first == b'"':
            self._is_text = True
        elif SCALAR_STOP.match(first):
            raise BrokenError(f"unexpected {shown(first[0])}", at)
        else:
            self._is_scalar = True
        return at + 1

    def _text(self, piece: bytes, at: int) -> int:
        """Index after the text, or as far as the piece goes."""
        at += self._is_escaped
        self._is_escaped = False
        plain = TEXT.match(piece, at)
        stop = plain.end() if plain else at
        if stop >= len(piece):
            return len(piece)
        if piece[stop] < 0x20:
            raise BrokenError(f"control character 0x{piece[stop]:02x} in a text", stop)
        self._is_text = piece[stop] != ord('"')
        self._is_escaped = self._is_text
        return stop + 1

    def _bracket(self, piece: bytes, at: int) -> int:
        """Index after the next bracket, or after the quote that opens a text."""
        stop = BRACKET.search(piece, at)
        if stop is None:
            return len(piece)
        found = piece[stop.start()]
        if found == ord('"'):
            self._is_text = True
        elif found not in OPENING:
            if len(self._open) >= DEPTH_LIMIT:
                raise BrokenError("nested too deeply", stop.start())
            self._open.append(found)
        elif self._open[-1] != OPENING[found]:
            raise BrokenError(f"unexpected {shown(found)}", stop.start())
        else:
            self._open.pop()
        return stop.end()
