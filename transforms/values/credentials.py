"""Find the credentials in an address, and mask them."""

import re
from typing import Final

ADDRESS: Final = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):/+(?P<rest>.*)", re.DOTALL)
"""An address; a path that a library has tidied up has lost the second slash of its scheme."""

SIGNED: Final = re.compile(
    r"[?&;][^=&;/]*(?:sig|signature|token|secret|passw(?:or)?d|credential|access_?key(?:_?id)?|accessid|account_?key|api_?key)=",
    re.IGNORECASE,
)
"""An option in the query of an address that signs a request or names a secret."""

SIGNED_SOURCE: Final = (
    r"^(?![A-Za-z][A-Za-z0-9+.\-]*:/+[^/]*[:@])(?!.*://.*[?&;][^=&;/]*"
    r"([sS][iI][gG]|[sS]ignature|[tT]oken|[sS]ecret|[pP]assword|[cC]redential|[kK]ey[iI]d|[aA]ccess[iI]d)=)"
)
"""A pattern of JSON schema that no source with credentials matches."""


def has_credentials(text: str) -> bool:
    """Return whether a text is an address that holds a user, a password, a key or a signature.

    >>> has_credentials("s3://key:sec/ret@bucket/x.jsonl"), has_credentials("s3://bucket/mail@10:00.jsonl")
    (True, False)
    """
    address = ADDRESS.fullmatch(text)
    if address is None:
        return False
    authority, _, path = address["rest"].partition("/")
    if "@" in authority or SIGNED.search(address["rest"]):
        return True
    _, colon, port = authority.partition(":")
    return bool(colon) and ("@" in path or not port.isdigit())


def without_credentials(text: str) -> str:
    """Return an address masked up to its last `@`, and without its query; any other text as it is.

    >>> without_credentials("http://me:p@ss@host/api?token=x")
    'http://***@host/api'
    """
    address = ADDRESS.fullmatch(text)
    if address is None or not has_credentials(text):
        return text
    before, at, after = address["rest"].rpartition("@")
    shown = re.split(r"[?&;]", after if at else before or after, maxsplit=1)[0]
    if not at and ":" in shown.partition("/")[0]:
        shown = "***"
    return f"{address['scheme']}://{'***@' if at else ''}{shown}"
