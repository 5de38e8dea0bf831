"""List the objects that a URL of object storage stands for."""

import re
from collections.abc import Iterator
from typing import Any

import obstore

from flows.sources.object_store import Location, StoredObject, find_object, location_of, request, store_of
from flows.sources.reading import names
from schemas.errors import ConfigurationError, UsageImportError

PAGE_OBJECTS = 1000

MAGIC = re.compile(r"[*?\[]")
"""A character that makes a key a pattern."""


def list_objects(url: str) -> list[StoredObject]:
    """Return the object of this key, or the objects that match the pattern, or those below the prefix.

    They are ordered by the bytes of their keys. A prefix stands for keys of known endings without hidden parts.
    Raises ConfigurationError if there is no such object, UsageImportError if the storage does not answer.
    """
    location = location_of(url)
    if location.key and not location.key.endswith("/") and (found := find_object(location)):
        return [found]
    if MAGIC.search(location.key):
        return _matching(location, url)
    prefix = location.key.rstrip("/")
    below = [meta for meta in _listed(location, prefix) if names.is_known(_relative(meta["path"], prefix))]
    if not below:
        raise ConfigurationError(
            f"{names.printable(url)}: there is no such object, and no export below this prefix; check it"
        )
    return _objects(location, below)


def _matching(location: Location, url: str) -> list[StoredObject]:
    """Return the objects with a key that matches, or that lie below a prefix that matches."""
    fixed = location.key[: MAGIC.search(location.key).start()]  # type: ignore[union-attr]
    pattern = glob_pattern(location.key.rstrip("/"))
    found = [
        meta
        for meta in _listed(location, fixed.rpartition("/")[0])
        if pattern.fullmatch(meta["path"]) or _is_below(meta["path"], pattern)
    ]
    if not found:
        raise ConfigurationError(f"{names.printable(url)}: no object matches; check the pattern")
    return _objects(location, found)


def _is_below(key: str, pattern: re.Pattern[str]) -> bool:
    """Return whether a key lies below a prefix that matches, and has a known ending without hidden parts."""
    parts = key.split("/")
    return any(
        pattern.fullmatch("/".join(parts[:depth])) and names.is_known("/".join(parts[depth:]))
        for depth in range(1, len(parts))
    )


def _listed(location: Location, prefix: str) -> Iterator[Any]:
    """Yield the objects below a prefix, page by page."""
    pages = obstore.list(store_of(location.root), prefix=prefix or None, chunk_size=PAGE_OBJECTS)
    while True:
        try:
            page = request(location.uri(prefix), lambda: next(pages, None))
        except FileNotFoundError:
            raise UsageImportError(f"{location.root}: there is no such bucket; check its name") from None
        if page is None:
            return
        yield from page


def _relative(key: str, prefix: str) -> str:
    return key.removeprefix(prefix).lstrip("/")


def _objects(location: Location, metas: list[Any]) -> list[StoredObject]:
    ordered = sorted(metas, key=lambda meta: meta["path"].encode())
    return [StoredObject(location.uri(meta["path"]), meta["size"], meta["e_tag"]) for meta in ordered]


def glob_pattern(glob: str) -> re.Pattern[str]:
    """Return the pattern of the keys that a glob matches.

    ``*`` and ``?`` stay within a part of the key, ``**`` spans parts; none of them matches the dot of a hidden part.

    >>> bool(glob_pattern("dt=*/x.jsonl").fullmatch("dt=2026-01-01/x.jsonl"))
    True
    """
    regex, at = "", 0
    for token in re.finditer(r"\*\*/|\*\*|\*|\?|\[[!^]?\]?[^\]]*\]", glob):
        regex += re.escape(glob[at : token.start()])
        at = token.end()
        is_first = token.start() == 0 or glob[token.start() - 1] == "/"
        visible = r"(?!\.)" if is_first else ""
        match token[0]:
            case "**/":
                regex += r"(?:(?!\.)[^/]+/)*"
            case "**":
                regex += r"(?:(?!\.)[^/]+(?:/(?!\.)[^/]+)*)?"
            case "*":
                regex += visible + "[^/]*"
            case "?":
                regex += visible + "[^/]"
            case choice:
                regex += (
                    "["
                    + ("^" if choice[1] in "!^" else "")
                    + re.escape(choice[1:-1].lstrip("!^")).replace(r"\-", "-")
                    + "]"
                )
    return re.compile(regex + re.escape(glob[at:]), re.DOTALL)
