"""Wrong arguments and files: whatever a user can cause ends in one line that names it, with the right exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.flows.desk import Desk
from tests.flows.warm_commands import Answer
from tests.flows.wrong_things import BROKEN_CATALOGS, BROKEN_MAPPINGS, ask, one_line


def wrong_usage(answer: Answer, *words: str) -> None:
    """Assert exit code 2 and the message of the command line's parser."""
    assert "Traceback" not in answer.err, answer.err
    assert answer.exit_code == 2, answer.err
    assert answer.out == ""
    for word in words:
        assert word in answer.err, answer.err


ONE_LINE: dict[str, tuple[list[str], int, list[str]]] = {
    "catalog, no folder": (["catalog", "{places}/nowhere"], 2, ["nowhere"]),
    "catalog, a file": (["catalog", "{places}/rows.jsonl"], 2, ["rows.jsonl"]),
    "catalog, empty folder": (["catalog", "{places}/empty"], 2, ["empty"]),
    "catalog, other folder": (["catalog", "{places}/texts"], 2, ["texts"]),
    "catalog, clock": (["catalog", "{places}/catalog", "--clock", "yesterday"], 2, ["--clock", "'yesterday'"]),
    "catalog, clock without a zone": (["catalog", "{places}/catalog", "--clock", "2026-01-01T00:00:00"], 2, ["--clock"]),
    **{
        f"{name}": (["catalog", "{places}/" + name], 1, [content[0]]) for name, content in BROKEN_CATALOGS.items()
    },
    "settings, unknown": (["settings", "colour", "red"], 2, ["'colour'", "billing_time_zone"]),
    "settings, unknown to show": (["settings", "colour"], 2, ["'colour'"]),
    "settings, no zone": (["settings", "billing_time_zone", "Mars/Olympus"], 2, ["Mars/Olympus"]),
    "settings, path as zone": (["settings", "billing_time_zone", "../../etc/passwd"], 2, ["etc/passwd"]),
    **{
        f"{command}, {what}": ([command, source], code, [word])
        for command in ("run", "check")
        for what, source, code, word in (
            ("missing file", "{places}/nowhere.jsonl", 2, "nowhere.jsonl"),
            ("missing in a folder", "{places}/rows.jsonl/deeper.jsonl", 2, "deeper.jsonl"),
            ("folder without files", "{places}/empty", 2, "empty"),
            ("folder of other files", "{places}/texts", 2, "texts"),
            ("glob of nothing", "{places}/*.nothing", 2, "*.nothing"),
            ("unknown ending", "{places}/rows.xlsx", 1, "rows.xlsx"),
            ("broken parquet", "{places}/rows.parquet", 1, "rows.parquet"),
            ("broken zstd", "{places}/noise.jsonl.zst", 1, "noise.jsonl.zst"),
            ("unknown scheme", "ftp://example.com/rows.jsonl", 2, "ftp://"),
            ("empty name", "", 2, "empty text"),
            ("long name", "{places}/" + "x" * 300 + ".jsonl", 1, "name too long"),
        )
    },
    **{
        f"run, {name}": (["run", "{places}/rows.jsonl", "--mapping", "{places}/" + name + ".toml"], 2, [f"{name}.toml"])
        for name in BROKEN_MAPPINGS
        if name != "mapping-no-column"
    },
    "run, missing mapping": (["run", "{places}/rows.jsonl", "--mapping", "{places}/nowhere.toml"], 2, ["nowhere.toml"]),
    "run, folder as mapping": (["run", "{places}/rows.jsonl", "--mapping", "{places}/empty"], 2, ["empty"]),
    "check, mapping": (["check", "{places}/rows.jsonl", "--mapping", "{places}/mapping-no-toml.toml"], 2, ["mapping-no-toml"]),
    "run, missing catalog": (["run", "{places}/rows.jsonl", "--catalog", "{places}/nowhere"], 2, ["nowhere"]),
    "run, share": (["run", "{places}/rows.jsonl", "--max-rejected", "many"], 2, ["--max-rejected", "'many'"]),
    "run, share above all": (["run", "{places}/rows.jsonl", "--max-rejected", "101%"], 2, ["'101%'"]),
    "run, share of nothing": (["run", "{places}/rows.jsonl", "--max-rejected", "NaN"], 2, ["'NaN'"]),
    "run, clock": (["run", "{places}/rows.jsonl", "--clock", "2026-13-01T00:00:00Z"], 2, ["--clock"]),
    "check, clock": (["check", "{places}/rows.jsonl", "--clock", "now"], 2, ["'now'"]),
    "rollup, clock": (["rollup", "--clock", ""], 2, ["--clock"]),
    "usage, period": (["usage", "--period", "2026-13"], 2, ["--period", "'2026-13'"]),
    "usage, customer": (["usage", "--customer", "nobody"], 2, ["'nobody'"]),
    "usage, contract": (["usage", "--contract", "nothing"], 2, ["'nothing'"]),
    "usage, meter": (["usage", "--meter", "nothing"], 2, ["'nothing'"]),
    "usage, no text": (["usage", "--customer", "a\udcffb"], 2, ["not UTF-8"]),
    "events, customer": (["events", "--customer", "nobody"], 2, ["'nobody'"]),
    "unassigned, customer": (["unassigned", "--customer", "nobody"], 2, ["'nobody'"]),
    "unassigned, reason": (["unassigned", "--reason", "because"], 2, ["'because'", "no_contract"]),
    "imports show, none": (["imports", "show", "99"], 2, ["99"]),
    "imports show, huge": (["imports", "show", "99999999999999999999"], 2, ["99999999999999999999"]),
    "rejects, none": (["rejects", "99"], 2, ["99"]),
    "rejects, huge": (["rejects", "99999999999"], 2, ["99999999999"]),
    "rejects, nowhere to write": (["rejects", "1", "--format", "csv", "--output", "{places}/nowhere/f.csv"], 1, ["f.csv"]),
    "rejects, folder to write": (["rejects", "1", "--format", "csv", "--output", "{places}/empty"], 1, ["empty"]),
    "revert, none": (["revert", "99"], 2, ["99"]),
    "revert, negative": (["revert", "--", "-1"], 2, ["-1"]),
}  # fmt: skip
"""What one line answers: the command, the exit code, and words of the line."""

WRONG_USAGE: dict[str, tuple[list[str], list[str]]] = {
    "no such command": (["runn"], ["runn"]),
    "no such option": (["usage", "--colour"], ["--colour"]),
    "run, no source": (["run"], ["SOURCE"]),
    "check, no source": (["check"], ["SOURCE"]),
    "catalog, no folder": (["catalog"], ["DIR"]),
    "catalog, two folders": (["catalog", "a", "b"], ["b"]),
    "usage, format": (["usage", "--format", "xml"], ["xml", "parquet"]),
    "events, limit": (["events", "--limit", "0"], ["--limit"]),
    "events, limit of words": (["events", "--limit", "all"], ["--limit"]),
    "imports show, no number": (["imports", "show", "first"], ["ID"]),
    "imports, no such": (["imports", "hide"], ["hide"]),
    "rejects, no number": (["rejects", "last"], ["ID"]),
    "rejects, nothing": (["rejects"], ["ID"]),
    "revert, no number": (["revert", "x"], ["ID"]),
    "option without its value": (["run", "a.jsonl", "--clock"], ["--clock"]),
    "rollup, too much": (["rollup", "now"], ["now"]),
}


@pytest.mark.parametrize("name", ONE_LINE)
def test_a_user_error_is_one_line(installation: Desk, places: Path, name: str) -> None:
    """Exactly one line, which names the thing; the right exit code; and the installation is as it was."""
    arguments, code, words = ONE_LINE[name]
    before = installation.select(STATE)
    answer = ask(installation, *(one.replace("{places}", str(places)) for one in arguments))
    one_line(answer, code, *words, is_catalog=arguments[0] == "catalog")
    assert installation.select(STATE) == before


STATE = """
    select (select count(*) from imports where status = 'loading'), (select max(catalog_version) from catalog_versions),
           (select count(*) from events), (select count(*) from usage_lines), (select count(*) from settings),
           (select count(*) from pg_tables where tablename like 'arrival%')
"""


@pytest.mark.parametrize("name", WRONG_USAGE)
def test_wrong_usage_is_exit_code_2(installation: Desk, name: str) -> None:
    """A command line that cannot be parsed is refused before anything happens."""
    arguments, words = WRONG_USAGE[name]
    wrong_usage(ask(installation, *arguments), *words)


def test_pace_that_is_none(installation: Desk, places: Path) -> None:
    """Chunks and workers are whole numbers from 1."""
    for name in ("USAGE_IMPORT_CHUNK_ROWS", "USAGE_IMPORT_WORKERS"):
        for value in ("0", "-1", "many", "1.5"):
            answer = ask(installation, "run", str(places / "rows.jsonl"), **{name: value})
            one_line(answer, 2, name, repr(value))
