"""Soundness of a row's bytes: UTF-8 without NUL."""


def is_sound(text: bytes) -> bool:
    """Whether a text of any size is UTF-8 without NUL bytes."""
    if b"\0" in text:
        return False
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def unsoundness(row: bytes) -> str | None:
    """What is wrong with a row's bytes and at which byte of the row, or None."""
    nul = row.find(b"\0")
    try:
        row.decode()
    except UnicodeDecodeError as error:
        if nul < 0 or error.start < nul:
            return f"broken UTF-8: {error.reason} (byte {error.start})"
    return None if nul < 0 else f"NUL byte (byte {nul})"
