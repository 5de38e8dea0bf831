"""Check that the bytes of rows are UTF-8, and in JSON without NUL."""


def is_utf8(text: bytes) -> bool:
    """Return whether bytes of any number are UTF-8."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def is_sound(text: bytes) -> bool:
    """Return whether a JSON text of any size is UTF-8 without NUL bytes."""
    return b"\0" not in text and is_utf8(text)


def utf8_fault(row: bytes) -> str | None:
    """Return a message that names the first byte of a row that is not UTF-8, or None."""
    try:
        row.decode()
    except UnicodeDecodeError as error:
        return f"broken UTF-8: {error.reason} at byte {error.start}"
    return None


def json_fault(row: bytes) -> str | None:
    """Return a message that names the first NUL or broken byte of a JSON row, or None."""
    nul = row.find(b"\0")
    if nul >= 0 and is_utf8(row[:nul]):
        return f"NUL at byte {nul}"
    return utf8_fault(row)
