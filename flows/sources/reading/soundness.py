"""Soundness of a row's bytes: UTF-8, and in JSON no NUL."""


def is_text(text: bytes) -> bool:
    """Whether bytes of any number are UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_sound(text: bytes) -> bool:
    """Whether a JSON text of any size is UTF-8 without NUL bytes."""
    return b"\0" not in text and is_text(text)


def broken_text(row: bytes) -> str | None:
    """Which byte of the row is no UTF-8, or None."""
    try:
        row.decode()
    except UnicodeDecodeError as error:
        return f"broken UTF-8: {error.reason} at byte {error.start}"
    return None


def unsoundness(row: bytes) -> str | None:
    """What is wrong with the bytes of a JSON row and at which byte of it, or None."""
    nul = row.find(b"\0")
    if nul >= 0 and is_text(row[:nul]):
        return f"NUL at byte {nul}"
    return broken_text(row)
