"""Find the end of a JSON value without parsing it."""

import re

OPENING = {ord("}"): ord("{"), ord("]"): ord("[")}
"""The opening bracket of each closing one."""

PLAIN = rb"[^\"\\\x00-\x1f]*+(?:\\.[^\"\\\x00-\x1f]*+)*+"
"""The inside of a string, up to its closing quote."""

BRACKET = re.compile(rb'["{}\[\]]')
"""A bracket, or the quote that opens a string."""

BRACKET_BEYOND_STRINGS = re.compile(rb'[^"{}\[\]]*+(?:"' + PLAIN + rb'"[^"{}\[\]]*+)*+[{}\[\]]', re.DOTALL)
"""All up to and including the next bracket that is not in a string."""

STRING = re.compile(PLAIN, re.DOTALL)

SCALAR_STOP = re.compile(rb"[\s,\]}\[{\":]")
"""The byte after a number or a literal."""

DEPTH_LIMIT = 16 * 1024 * 1024
"""The most brackets open at a time: more than the longest row can open."""


def display_byte(byte: int) -> str:
    """Return a byte as error messages print it."""
    return f"'{chr(byte)}'" if 0x20 <= byte < 0x7F else f"byte 0x{byte:02x}"


class BrokenJsonError(Exception):
    """A JSON text that cannot be split any further.

    at: index of the offending byte in the piece given last.
    """

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


class Value:
    """A scanner of one JSON value, which is given piece after piece.

    Brackets must match and strings must not contain control characters; nothing else is checked.
    """

    def __init__(self) -> None:
        self._open = bytearray()
        self._is_string = False
        self._is_escaped = False
        self._is_scalar = False

    @property
    def open(self) -> bytes:
        """The opening brackets that are not closed yet, the innermost last."""
        return bytes(self._open)

    @property
    def is_string(self) -> bool:
        """Return whether the value goes on within a string."""
        return self._is_string

    def end(self, piece: bytes, start: int = 0) -> int | None:
        """Return the index after the value's last byte, or None if the value goes on in the next piece."""
        at, has_brackets = start, True
        while at < len(piece):
            if self._is_string:
                at = self._string(piece, at)
            elif self._is_scalar:
                stop = SCALAR_STOP.search(piece, at)
                return stop.start() if stop else None
            elif self._open:
                found = BRACKET_BEYOND_STRINGS.match(piece, at) if has_brackets else None
                # Without a bracket in sight, another search after each string would take quadratic time.
                has_brackets = found is not None
                at = self._bracket(piece, found.end() - 1 if found else at)
            else:
                at = self._begin(piece, at)
            if not (self._open or self._is_string or self._is_scalar):
                return at
        return None

    def _begin(self, piece: bytes, at: int) -> int:
        first = piece[at : at + 1]
        if first in b"{[":
            self._open += first
        elif first == b'"':
            self._is_string = True
        elif SCALAR_STOP.match(first):
            raise BrokenJsonError(f"unexpected {display_byte(first[0])}", at)
        else:
            self._is_scalar = True
        return at + 1

    def _string(self, piece: bytes, at: int) -> int:
        """Return the index after the string, or the end of the piece."""
        at += self._is_escaped
        self._is_escaped = False
        plain = STRING.match(piece, at)
        stop = plain.end() if plain else at
        if stop >= len(piece):
            return len(piece)
        if piece[stop] < 0x20:
            raise BrokenJsonError(f"control character 0x{piece[stop]:02x} in a text", stop)
        self._is_string = piece[stop] != ord('"')
        self._is_escaped = self._is_string
        return stop + 1

    def _bracket(self, piece: bytes, at: int) -> int:
        """Return the index after the next bracket, or after the quote that opens a string."""
        stop = BRACKET.search(piece, at)
        if stop is None:
            return len(piece)
        found = piece[stop.start()]
        if found == ord('"'):
            self._is_string = True
        elif found not in OPENING:
            if len(self._open) >= DEPTH_LIMIT:
                raise BrokenJsonError("nested too deeply", stop.start())
            self._open.append(found)
        elif self._open[-1] != OPENING[found]:
            raise BrokenJsonError(f"unexpected {display_byte(found)}", stop.start())
        else:
            self._open.pop()
        return stop.end()
