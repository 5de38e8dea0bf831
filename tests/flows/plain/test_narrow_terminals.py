"""The tables of commands at the widths of terminals: each line fits, and no number, day or id is cut or folded."""

import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from rich.cells import cell_len

from flows.output.imports import report_imports, report_run
from flows.output.rejections import print_groups
from flows.output.usage import report_events, report_unassigned, report_usage
from schemas.ledger import FileLedger, Ledger
from schemas.vocabulary import ImportStatus

WIDTHS = (60, 80, 100, 140)
AT = datetime(2026, 10, 3, 4, 5, 6, 123456, tzinfo=UTC)
CUSTOMER = {
    "customer_id": "5b1c0d2e-7a64-4c8e-9f0b-2d1e6a3c4f01",
    "external_customer_id": "harbour-logistics-of-hamburg",
}
LINE: dict[str, Any] = CUSTOMER | {
    "contract_id": "contract_harbour_logistics",
    "meter_code": "egress_gigabytes",
    "group": '{"model":"atlas-2-mini","region":"eu-west"}',
    "period_start_on": date(2026, 10, 1),
    "period_end_on": date(2026, 11, 1),
    "quantity": "18059974.25",
    "event_count": 8819,
    "unusable_count": 14,
    "status": "unsupported",
}
EVENT: dict[str, Any] = CUSTOMER | {
    "timestamp": AT,
    "event_name": "storage_snapshot",
    "key": "derived-9faa2e3f883d287223dbd0d5ea85d1e2",
    "properties": '{"status": 200, "path": "/v1/routes/of/ships"}',
    "uri": "s3://exports/2026/10/03/events-of-the-night.jsonl.gz",
    "row": 1234567,
    "import_id": 731,
}
UNASSIGNED: dict[str, Any] = CUSTOMER | {
    "event_name": "storage_snapshot",
    "reason": "ambiguous_contract",
    "event_count": 1234567,
    "first_day": date(2026, 10, 1),
    "last_day": date(2026, 10, 31),
}
IMPORT: dict[str, Any] = {
    "import_id": 731,
    "kind": "import",
    "status": "unfinished",
    "started_at": AT,
    "rows": 20000000,
    "new": 19999999,
    "rejected": 1,
    "lines_changed": 669755,
    "set_aside": 0,
    "sources": ["s3://exports/2026/10/*.jsonl.gz", "s3://exports/2026/11/*.jsonl.gz"],
}
CAUSE: dict[str, Any] = {
    "rows": 1234567,
    "code": "timestamp_in_future",
    "first_message": 'timestamp must not be more than 1 hour in the future: "2026-11-10T13:00:00.000001Z"',
    "examples": [{"uri": EVENT["uri"], "row": row} for row in (11, 1234567, 1234568)],
}
COUNTS: dict[str, Any] = {
    "rows": 20000000,
    "new": 19999000,
    "duplicate": 990,
    "corrected": 7,
    "stale": 1,
    "rejected": 2,
}
LEDGER = Ledger(
    import_id=2, status=ImportStatus.PUBLISHED, files=[FileLedger(uri=EVENT["uri"], **COUNTS)] * 2, **COUNTS
)

TABLES: dict[str, tuple[Callable[[], None], set[str]]] = {
    "usage": (lambda: report_usage([[LINE]], "table"), {"18059974.25", "2026-10-01 – 2026-11-01"}),
    "events": (lambda: report_events([EVENT], limit=5, as_json=False), {"2026-10-03T04:05:06.123456Z"}),
    "unassigned": (
        lambda: report_unassigned([UNASSIGNED], is_filtered=False, as_json=False),
        {"1234567", "ambiguous_contract"},
    ),
    "imports": (
        lambda: report_imports([IMPORT], total=1, is_all=False),
        {"731", "unfinished", "2026-10-03T04:05:06Z", "20000000"},
    ),
    "rejects": (lambda: print_groups([CAUSE]), {"1234567", "timestamp_in_future"}),
    "run": (
        lambda: report_run(LEDGER, None, place="the database", as_json=False),
        {"20,000,000", "19,999,000"},
    ),
}
"""How each table is printed, and what it shows whole however narrow the terminal is."""


def shown(
    table: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[list[str], str]:
    """Return the lines of a table on a terminal, and what stands on standard error."""
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    TABLES[table][0]()
    out, err = capsys.readouterr()
    return re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines(), err


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("table", TABLES)
def test_a_table_fits_the_terminal(
    table: str, width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No line is longer than the terminal is wide, and what matters most is whole."""
    lines, _ = shown(table, width, capsys, monkeypatch)
    assert all(cell_len(line) <= width for line in lines), lines
    assert all(any(text in line for line in lines) for text in TABLES[table][1]), lines


@pytest.mark.parametrize("table", TABLES)
def test_what_a_narrow_table_leaves_out_is_named(
    table: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each heading of the wide table is in the narrow one, or named as left out."""
    wide, _ = shown(table, 1_000, capsys, monkeypatch)
    headings = re.split(r"  +", wide[0].strip())
    for width in WIDTHS:
        lines, err = shown(table, width, capsys, monkeypatch)
        left_out = re.findall(r"left out, as the terminal is too narrow: (.*); --wide shows them", err)
        named = re.split(r"  +", lines[0].strip()) + (left_out[0].split(", ") if left_out else [])
        assert sorted(named) == sorted(headings)
