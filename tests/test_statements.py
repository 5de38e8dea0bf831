"""Every statement has its home: a name, a sentence, the tables it reads and leaves; and every working table its declaration."""

import ast
import re

import pytest

import schemas.tables.catalog
import schemas.tables.events
import schemas.tables.imports
import schemas.tables.usage
import schemas.tables.working_usage  # noqa: F401 (declares its tables)
from schemas.tables.metadata import metadata
from schemas.tables.working import working
from tests.conftest import ROOT
from transforms.statements import Statement, StatementError, parse_statements, statements

FILES = sorted(
    str(path.relative_to(ROOT)) for room in ("flows", "transforms") for path in (ROOT / room).rglob("*.sql")
)
STAGING = {"arrivals", "arrival_bytes"}
STATEMENT = re.compile(
    r"\s*(?:with \w+ as|select .*\bfrom \w+.*\bwhere|update \w+ .*\bset|insert into \w+ .*select)\b",
    re.DOTALL,
)
ALL = [statement for path in FILES for statement in statements(path).values()]
EXAMPLE = """
-- fragment: same
-- Whether two are the same.
a.x = b.x

-- name: find_pairs
-- Leave the pairs of an import.
-- reads: arrivals, events
-- leaves: pairs
create temporary table pairs as select '{}' from {arrivals} a join events b on {same} and {Outcome.NEW} = :outcome;
"""


def test_a_file_of_statements_is_read_by_its_heads() -> None:
    """A name, a sentence, tables, and SQL in which fragments and words stand already."""
    statement = parse_statements(EXAMPLE, "example.sql")["find_pairs"]
    assert (statement.reads, statement.leaves) == (("arrivals", "events"), ("pairs",))
    assert statement.purpose == "Leave the pairs of an import."
    filled = statement.fill(arrivals="arrivals_7")
    assert filled.endswith("select '{}' from arrivals_7 a join events b on a.x = b.x and 'new' = :outcome")


def test_a_name_that_is_not_filled_in_is_an_error() -> None:
    """No brace reaches Postgres."""
    with pytest.raises(StatementError, match="arrivals"):
        parse_statements(EXAMPLE, "example.sql")["find_pairs"].fill()
    with pytest.raises(StatementError, match=r"Outcome\.NEVER"):
        parse_statements("-- name: a\n-- A.\nselect {Outcome.NEVER}", "example.sql")


@pytest.mark.parametrize("statement", ALL, ids=lambda statement: statement.name)
def test_a_statement_reads_tables_that_there_are(statement: Statement) -> None:
    """A table that is read is one of the schema, a staging table, or left by some statement."""
    known = set(metadata.tables) | STAGING | set(working.tables)
    assert set(statement.reads) <= known
    assert set(statement.leaves) <= set(working.tables)


def test_no_statement_hides_in_python() -> None:
    """A statement that reads or writes rows by itself stands in a file; in Python stand moves, fragments and SQLAlchemy Core."""
    hidden = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for room in ("flows", "transforms")
        for path in (ROOT / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and STATEMENT.match(node.value)
    ]
    assert hidden == []


def test_every_working_table_says_its_grain() -> None:
    """One row per …, as the tables that stay."""
    assert [
        name for name, table in working.tables.items() if not (table.comment or "").startswith("One row")
    ] == []
