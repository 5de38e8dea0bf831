"""Read a catalog's folder: ``customers.*``, ``meters.*``, ``plans.*``, ``contracts.*`` become documents with their places."""

import csv
import gzip
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from schemas.errors import ConfigurationError
from schemas.vocabulary import Kind
from transforms.catalog.understand import CatalogProblem, Document
from transforms.values.json import DEPTH_LIMIT
from transforms.values.numbers import DIGIT_LIMIT, plain_decimal

KINDS_IN_CSV: Final = (Kind.CUSTOMER, Kind.CONTRACT)
JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")
LINE_SUFFIXES: Final = (".jsonl", ".ndjson")

TOO_DEEP: Final = f"is nested deeper than {DEPTH_LIMIT}"
TOO_LONG: Final = f"a number of more than {DIGIT_LIMIT:,} digits"

_SUSPICIOUS = re.compile(r"\\u0000|\\u[dD][89a-fA-F]|\x00")
"""Found in every file with a text that Postgres cannot store: only then is each text checked."""
_SPACE = re.compile(r"\s*")


@dataclass(frozen=True)
class Folder:
    """The documents of a folder, by kind, file name and place; its problems; the kinds that it has a file of."""

    documents: tuple[Document, ...]
    problems: tuple[CatalogProblem, ...]
    kinds: frozenset[Kind]


class _Unreadable(Exception):  # noqa: N818 - never leaves this module
    """A file, or a line of it, cannot be read."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


def read_folder(folder: Path) -> Folder:
    """Read every catalog file of a folder; a file or a line that cannot be read becomes a problem with its place.

    Raises ConfigurationError if there is no such folder, or no file of a catalog in it.
    """
    files = _files(folder)
    if not any(files.values()):
        names = ", ".join(f"{kind}s.*" for kind in Kind)
        raise ConfigurationError(f"{folder} holds no catalog: there is none of {names} in it")
    found = [item for kind, paths in files.items() for path in paths for item in _read(kind, path)]
    return Folder(
        documents=tuple(item for item in found if isinstance(item, Document)),
        problems=tuple(item for item in found if isinstance(item, CatalogProblem)),
        kinds=frozenset(kind for kind, paths in files.items() if paths),
    )


def _files(folder: Path) -> dict[Kind, list[Path]]:
    try:
        present = sorted(path for path in folder.iterdir() if path.is_file())
    except FileNotFoundError:
        raise ConfigurationError(f"there is no folder {folder}") from None
    except NotADirectoryError:
        raise ConfigurationError(
            f"{folder} is no folder; give the one that holds the catalog's files"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"{folder} cannot be read: {error.strerror}") from None
    return {kind: [path for path in present if path.name.startswith(f"{kind}s.")] for kind in Kind}


def _read(kind: Kind, path: Path) -> Iterator[Document | CatalogProblem]:
    try:
        text = _text(path)
        is_suspicious = _SUSPICIOUS.search(text) is not None
        for item in _items(kind, path.name, text):
            yield _checked(item) if is_suspicious and isinstance(item, Document) else item
    except _Unreadable as error:
        yield CatalogProblem(path.name if error.line is None else f"{path.name}:{error.line}", str(error))


def _items(kind: Kind, name: str, text: str) -> Iterator[Document | CatalogProblem]:
    suffix = Path(name.removesuffix(".gz")).suffix.lower()
    if suffix == ".csv" and kind in KINDS_IN_CSV:
        return _csv_documents(kind, name, text)
    if suffix in JSON_SUFFIXES:
        return _json_documents(kind, name, text, is_lines=suffix in LINE_SUFFIXES)
    allowed = [*JSON_SUFFIXES, *([".csv"] if kind in KINDS_IN_CSV else [])]
    raise _Unreadable(f"is no format for {kind}s; use {', '.join(allowed)}")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            data = gzip.decompress(data)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _Unreadable(f"is no sound gzip: {str(error).lower()}") from None
    except OSError as error:
        raise _Unreadable(f"cannot be read: {error.strerror}") from None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _Unreadable("is UTF-16; save it as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise _Unreadable(f"is not UTF-8 (byte {error.start})", line) from None


def _json_documents(
    kind: Kind, name: str, text: str, *, is_lines: bool
) -> Iterator[Document | CatalogProblem]:
    """Return the documents of one value, of JSON lines, or of several values one after another."""
    if not text.strip() and not is_lines:
        raise _Unreadable("is empty; write [] where there are none")
    try:
        value = _decoded(text)
    except _Unreadable:
        stand_alone = _first_lines_stand_alone(text, 20 if is_lines else 1)
        yield from (_lines if stand_alone else _values)(kind, name, text)
    else:
        yield from _things(kind, name, value)


def _first_lines_stand_alone(text: str, count: int) -> bool:
    """Return whether any of the first lines is a whole JSON value."""
    return any(_is_whole(line) for line in text.lstrip().split("\n", count)[:count])


def _is_whole(line: str) -> bool:
    try:
        return isinstance(_decoded(line), dict | list)
    except _Unreadable:
        return False


def _lines(kind: Kind, name: str, text: str) -> Iterator[Document | CatalogProblem]:
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield from _things(kind, f"{name}:{number}", _decoded(line))
            except _Unreadable as error:
                yield CatalogProblem(f"{name}:{number}", str(error))


def _values(kind: Kind, name: str, text: str) -> Iterator[Document]:
    """Return the documents of values one after another, such as pages; a broken value ends them."""
    line, counted, at = 1, 0, len(text) - len(text.lstrip())
    while at < len(text):
        line, counted = line + text.count("\n", counted, at), at
        value, end = _decode(_DECODER.raw_decode, text, at)
        yield from _things(kind, f"{name}:{line}", value)
        found = _SPACE.match(text, end)
        at = found.end() if found else end


def _things(kind: Kind, place: str, value: Any) -> Iterator[Document]:
    """Return the things in a JSON value: itself, the members of a list, or those of a page ``{"data": [...]}``."""
    if isinstance(value, dict) and isinstance(value.get("data"), list) and "id" not in value:
        yield from (Document(kind, f"{place}.data[{n}]", member) for n, member in enumerate(value["data"]))
    elif isinstance(value, list):
        for n, member in enumerate(value):
            is_page = isinstance(member, dict) and isinstance(member.get("data"), list) and "id" not in member
            yield from (
                _things(kind, f"{place}[{n}]", member)
                if is_page
                else [Document(kind, f"{place}[{n}]", member)]
            )
    else:
        yield Document(kind, place, value)


def _csv_documents(kind: Kind, name: str, text: str) -> Iterator[Document | CatalogProblem]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header: list[str] | None = None
    start = 1
    try:
        for cells in reader:
            place, start = f"{name}:{start}", reader.line_num + 1
            if not cells:
                continue
            if header is None:
                header = _header(cells)
            elif len(cells) != len(header):
                yield CatalogProblem(place, f"has {len(cells)} cells, the header has {len(header)}")
            else:
                yield Document(kind, place, _nested(dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise _Unreadable(f"is no sound CSV: {error}", start) from None
    if header is None:
        raise _Unreadable("is empty; it needs a header")


def _header(cells: list[str]) -> list[str]:
    if "id" not in cells:
        raise _Unreadable(f"has no column id; its header is {', '.join(cells)[:200]!r}", 1)
    if len(set(cells)) < len(cells):
        twice = next(cell for cell in cells if cells.count(cell) > 1)
        raise _Unreadable(f"has the column {twice!r} twice", 1)
    return cells


def _nested(row: dict[str, str]) -> dict[str, Any]:
    """Return a CSV row as an object; an empty cell is absent, ``metadata.x`` is x in metadata."""
    fields: dict[str, Any] = {}
    for column, cell in row.items():
        outer, dot, inner = column.partition(".")
        if cell and dot and outer == "metadata":
            fields.setdefault(outer, {})[inner] = cell
        elif cell:
            fields[column] = cell
    return fields


def _checked(document: Document) -> Document | CatalogProblem:
    """Return a document, or a problem if Postgres cannot store a text in it."""
    flaw = _flaw(document.content)
    return document if flaw is None else CatalogProblem(document.place, flaw)


def _depth(value: Any) -> int:
    """Return how many objects and lists stand inside one another, counted up to the limit."""
    depth, layer = 0, [value]
    while (layer := [one for one in layer if isinstance(one, dict | list)]) and depth <= DEPTH_LIMIT:
        depth += 1
        layer = [member for one in layer for member in (one.values() if isinstance(one, dict) else one)]
    return depth


def _flaw(value: Any) -> str | None:
    """Return why Postgres cannot store a text in a value, None if it can store all."""
    if isinstance(value, str):
        if "\x00" in value:
            return "holds the character U+0000"
        return None if value.isascii() or _is_sound(value) else "holds a lone surrogate"
    members = (
        [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else []
    )
    return next((flaw for member in members if (flaw := _flaw(member))), None)


def _is_sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _decoded(text: str) -> Any:
    return _decode(_DECODER.decode, text)


def _decode(decode: Callable[..., Any], text: str, *at: int) -> Any:
    """Decode a JSON text; raises _Unreadable with the reason in one line."""
    try:
        value = decode(text, *at)
    except json.JSONDecodeError as error:
        message = f"is not JSON: {error.msg[0].lower()}{error.msg[1:]} (column {error.colno})"
        raise _Unreadable(message, error.lineno) from None
    except RecursionError:
        raise _Unreadable(TOO_DEEP) from None
    except ValueError as error:
        raise _Unreadable(f"is not JSON: {error}") from None
    if text.count("[") + text.count("{") > DEPTH_LIMIT and _depth(value[0] if at else value) > DEPTH_LIMIT:
        raise _Unreadable(TOO_DEEP)
    return value


def _whole_number(text: str) -> int:
    if len(text) > DIGIT_LIMIT and plain_decimal(text) is None:
        raise ValueError(TOO_LONG)
    return int(text)


def _number(text: str) -> Decimal:
    plain = plain_decimal(text)
    if plain is None:
        raise ValueError(TOO_LONG)
    # The exponent of a zero may be any, also one that neither Python nor Postgres takes.
    return Decimal(plain if plain == "0" and "e" in text.lower() else text)


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON value")


_DECODER: Final = json.JSONDecoder(parse_float=_number, parse_int=_whole_number, parse_constant=_constant)
