"""Load the SQL statements that stand in ``.sql`` files beside the rules.

A file holds statements and fragments, each under a head of comments::

    -- name: find_repeated_keys
    -- Leave the keys that come more than once in the import.
    -- reads: arrivals
    -- leaves: repeated_keys
    create temporary table repeated_keys on commit drop as
    select key from {arrivals} group by key having count(*) > 1;

    -- fragment: same_content
    -- Whether two rows have the same content.
    a.properties = e.properties

``reads`` names tables of ``schemas.tables`` and tables that an earlier statement leaves; ``leaves`` names the temporary
tables that the statement makes, which ``schemas.tables.working`` declares. A name in braces is replaced by a fragment of
the same file, by a word of ``schemas.vocabulary`` (``{Outcome.NEW}`` becomes ``'new'``), or by the name that the caller
fills in. Values are always bound, never filled in.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from schemas import vocabulary

_HEAD = re.compile(r"^-- (name|fragment): ([a-z_]+)\n", re.MULTILINE)
_DETAIL = re.compile(r"-- (reads|leaves): (.*)")
_PLACEHOLDER = re.compile(r"\{([a-z_]+|[A-Z][A-Za-z]*\.[A-Z_0-9]+)\}")


class StatementError(Exception):
    """A file of statements does not have the form above, or a name in braces was not filled in."""


@dataclass(frozen=True)
class Statement:
    """One statement: its name, its purpose in a sentence, the tables it reads and leaves, and its SQL."""

    name: str
    purpose: str
    reads: tuple[str, ...]
    leaves: tuple[str, ...]
    sql: str

    def fill(self, **names: str) -> str:
        """Return the SQL with each name in braces replaced; raises StatementError where one is left."""

        def replacement(match: re.Match[str]) -> str:
            if match[1] not in names:
                raise StatementError(f"statement {self.name}: no name was given for {match[0]}")
            return names[match[1]]

        return _PLACEHOLDER.sub(replacement, self.sql)


@cache
def statements(path: str) -> Mapping[str, Statement]:
    """Return the statements of a file by name, fragments and words of the vocabulary filled in.

    path: as ``transforms/identity/outcomes.sql``.
    """
    package, _, name = path.rpartition("/")
    return parse_statements((files(package.replace("/", ".")) / name).read_text(encoding="utf-8"), path)


def parse_statements(text: str, path: str) -> Mapping[str, Statement]:
    """Return the statements in a text; `path` is for messages."""
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    fragments: dict[str, str] = {}
    found: dict[str, Statement] = {}
    for head, end in zip(heads, ends, strict=True):
        kind, name = head[1], head[2]
        comments, sql = _split(text[head.end() : end])
        if name in found or name in fragments:
            raise StatementError(f"{path}: {name} is there twice")
        if not comments or not sql:
            raise StatementError(f"{path}: {name} needs a sentence and SQL")
        sql = _with_words(sql, fragments, path)
        if kind == "fragment":
            fragments[name] = sql
        else:
            found[name] = _statement(name, comments, sql)
    return found


def _split(text: str) -> tuple[list[str], str]:
    """Return the comments at the head of a statement, and its SQL without the last semicolon."""
    lines = text.strip().splitlines()
    count = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    return lines[:count], "\n".join(lines[count:]).strip().removesuffix(";")


def _statement(name: str, comments: list[str], sql: str) -> Statement:
    details = {match[1]: match[2] for line in comments if (match := _DETAIL.fullmatch(line))}
    purpose = " ".join(line.removeprefix("--").strip() for line in comments if not _DETAIL.fullmatch(line))
    return Statement(name, purpose, _names(details.get("reads")), _names(details.get("leaves")), sql)


def _names(listed: str | None) -> tuple[str, ...]:
    return tuple(name.strip() for name in listed.split(",")) if listed else ()


def _with_words(sql: str, fragments: Mapping[str, str], path: str) -> str:
    """Fill in earlier fragments and words of the vocabulary; other names are left to the caller."""

    def replacement(match: re.Match[str]) -> str:
        enum_name, _, member = match[1].partition(".")
        if not member:
            return fragments.get(match[1], match[0])
        try:
            return f"'{getattr(vocabulary, enum_name)[member].value}'"
        except (AttributeError, KeyError):
            raise StatementError(f"{path}: {match[0]} is no word of schemas.vocabulary") from None

    return _PLACEHOLDER.sub(replacement, sql)
