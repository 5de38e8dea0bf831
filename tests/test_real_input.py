"""A production trace, as it is: local times, seven fractional digits, CRLF, no customer, no event name, no event id."""

import csv
import random
from pathlib import Path

import pytest

from tests.conftest import ROOT, UsageImport

TRACE = ROOT.parent / "shared" / "real" / "azure-llm-2023-code.csv"
STORY = ROOT / "data-samples" / "11-azure-llm-trace"
CLOCK = ("--clock", "2023-12-02T00:00:00Z")

pytestmark = pytest.mark.skipif(
    not TRACE.exists(), reason=f"{TRACE.name} is not part of this project and not here"
)


def test_the_trace_gives_the_table_of_its_readme(usage_import: UsageImport) -> None:
    """8,819 requests, 18,059,974 prompt tokens and 245,896 generated ones, the first and last instant to the microsecond."""
    usage_import("run", TRACE, "--catalog", STORY / "catalog", "--mapping", STORY / "mapping.toml", *CLOCK)
    lines = list(csv.DictReader(usage_import("usage", "--format", "csv").out.splitlines()))
    assert {line["meter_code"]: line["quantity"] for line in lines} == {
        "requests": "8819",
        "prompt_tokens": "18059974",
        "generated_tokens": "245896",
        "largest_prompt": "7437",
        "smallest_prompt": "3",
    }
    assert {(line["first_event_at"], line["last_event_at"]) for line in lines} == {
        ("2023-11-16T18:17:03.979960Z", "2023-11-16T19:14:19.928016Z")
    }


def test_the_same_rows_in_another_file_are_nothing_new(usage_import: UsageImport, tmp_path: Path) -> None:
    """Another export of the same rows, in another order and with other line ends, changes no line."""
    header, *rows = TRACE.read_bytes().split(b"\r\n")
    random.Random(2023).shuffle(rows)
    again = tmp_path / "again.csv"
    again.write_bytes(b"\n".join([header, *rows]) + b"\n")
    options = ("--catalog", STORY / "catalog", "--mapping", STORY / "mapping.toml", *CLOCK, "--json")
    assert usage_import("run", TRACE, *options).json["new"] == len(rows)
    before = usage_import("usage", "--format", "csv").out
    ledger = usage_import("run", again, *options).json
    assert (ledger["new"], ledger["duplicate"], ledger["lines_changed"]) == (0, len(rows), 0)
    assert usage_import("usage", "--format", "csv").out == before
