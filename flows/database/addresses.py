"""Recognise an address of a database that would be taken apart at the wrong place, so that parts of a password would be shown."""

import re
from typing import Final

ENCODE: Final = "percent-encode what a password holds: @ is %40, / is %2F, : is %3A, ? is %3F, # is %23, & is %26, % is %25"

AMBIGUOUS: Final = f"has an '@', '/' or '=' where a password may go on, so nothing of it is shown; {ENCODE}"

NAMES_PLACE: Final = frozenset({"host", "hostaddr", "port", "dbname", "service"})
"""Options of an address that messages print."""

SECRET: Final = re.compile(r"[?&][^=&]*(passw|secret|token)[^=&]*=", re.IGNORECASE)


def is_ambiguous(address: str) -> bool:
    """Return whether an address has an `@` beside the one that ends its password, or a whole address among its options.

    >>> is_ambiguous("postgresql://usage:p@ss/w:rd@host/db"), is_ambiguous("postgresql://usage:p%40ss@host/db")
    (True, False)
    """
    rest = address.partition("://")[2]
    account, at, place = rest.partition("@")
    if not at:
        place = rest
    before_options, _, options = place.partition("?")
    if at and ("?" in account or "@" in before_options):
        return True
    for option in options.split("&"):
        name, _, value = option.partition("=")
        is_socket = name == "host" and value.startswith("%40")
        if name in NAMES_PLACE and not is_socket and re.search(r"@|%40|=|%3[Dd]|://", value):
            return True
    return False


def holds_secret(address: str) -> bool:
    """Return whether an address has a secret among its options, of which an unescaped `&` makes options of their own."""
    return SECRET.search(address) is not None
