"""Find the end of a CSV record that is too long to be held in memory, piece by piece."""

import re

INSIDE = re.compile(rb'[^"]*+(?:""[^"]*+)*+')
"""The inside of a quoted cell, up to its closing quote."""


class LongRecord:
    """A scanner of one record, which is given piece after piece.

    is_open: whether the record goes on within a quoted cell.
    """

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._stop = re.compile(rb"[\n" + re.escape(delimiter) + rb"]")
        self._is_cell_start = True
        self._is_after_quote = False
        self.is_open = False

    def end(self, piece: bytes) -> int | None:
        """Return the index of the line feed that ends the record, or None if it goes on in the next piece.

        The search also ends where a character follows the closing quote of a cell; ``is_open`` then stays true.
        """
        at = 0
        while at < len(piece):
            if self._is_after_quote:
                if piece[at : at + 1] not in (b'"', b"\r", b"\n", self._delimiter):
                    self.is_open = True
                    return at
                self._is_after_quote = False
                self.is_open = piece.startswith(b'"', at)
                at += self.is_open
            elif self.is_open:
                inside = INSIDE.match(piece, at)
                quote = inside.end() if inside else at
                if quote == len(piece):
                    return None
                self.is_open, self._is_after_quote = False, True
                at = quote + 1
            elif self._is_cell_start and piece.startswith(b'"', at):
                self.is_open, self._is_cell_start = True, False
                at += 1
            else:
                stop = self._stop.search(piece, at)
                self._is_cell_start = stop is not None
                if stop is None:
                    return None
                if stop[0] == b"\n":
                    return stop.start()
                at = stop.end()
        return None
