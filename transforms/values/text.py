"""Make a text safe to show: short, and without characters that could steer a terminal."""

import re

VALUE_LIMIT = 200
"""Code points of a value that a rejection keeps; the whole row is kept beside it."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text cut to ``VALUE_LIMIT``, with characters that could steer a terminal or are not to be seen escaped."""
    cut = text if len(text) <= VALUE_LIMIT else text[: VALUE_LIMIT - 1] + "…"
    return _UNSAFE.sub(lambda found: _escaped(found[0]), cut)


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) <= 0xFFFF else f"\\U{ord(character):08x}"
