"""Make texts of users safe to show: on one line, short, and without characters that a terminal would obey."""

import re
from decimal import Decimal

EXCERPT_LIMIT = 200
"""The code points of a value that a rejection keeps; the bytes of the whole row are kept beside it."""

QUOTED_LIMIT = 80
"""The characters of a quoted value in a message."""

FOREIGN_LIMIT = 200
"""The characters of a library's words in a message."""

_STEERING = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Characters that steer a terminal or have no width."""


def visible(text: str) -> str:
    r"""Return a text for a terminal, with every character that is not printable escaped.

    >>> visible("bad\x1b[0m")
    'bad\\x1b[0m'
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def foreign_words(error: BaseException) -> str:
    r"""Return the first line that a library says of a foreign file, for a message: short, safe to show, without a full stop.

    >>> foreign_words(ValueError("don't know what type: \x0f.\nmore"))
    "don't know what type: \\x0f"
    """
    first = next((line for line in str(error).splitlines() if line.strip()), type(error).__name__)
    return cut(visible(first.strip().removesuffix(".")), FOREIGN_LIMIT)


def excerpt(text: str) -> str:
    """Return a text as rejections and counts keep it: cut to ``EXCERPT_LIMIT``, with characters that steer a terminal escaped.

    Unlike ``visible`` it leaves unusual spaces and letters as they are: an id may differ from a known one by nothing else.
    """
    short = text if len(text) <= EXCERPT_LIMIT else text[: EXCERPT_LIMIT - 1] + "…"
    return _STEERING.sub(lambda found: _escaped(found[0]), short)


def quoted(value: object) -> str:
    """Return a value of a document for a message: on one line, at most ``QUOTED_LIMIT`` characters, a text or bytes in quotes."""
    if isinstance(value, bool) or value is None:
        written = {True: "true", False: "false", None: "null"}[value]
    elif isinstance(value, int | Decimal):
        written = str(value)
    elif isinstance(value, str | bytes):
        written = repr(value).removeprefix("b")
    else:
        written = "a list" if isinstance(value, list | tuple) else "an object"
    return written if len(written) <= QUOTED_LIMIT else f"{written[: QUOTED_LIMIT - 4]}...'"


def cut(text: str, limit: int) -> str:
    """Return the first characters of a text, with an ellipsis if there are more than ``limit``."""
    return text if len(text) <= limit else text[:limit] + "…"


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"
