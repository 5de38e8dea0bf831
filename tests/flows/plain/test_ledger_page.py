"""The page of a ledger: the files that matter first, and the known ones as a count."""

from flows.output.files import FILES_SHOWN, shown_files
from flows.output.markdown import ledger_page
from schemas.ledger import FileLedger, Ledger
from schemas.vocabulary import ImportStatus

PROVENANCE = {
    "sources": {"sources": ["exports"], "mapping": None},
    "started_at": None,
    "published_at": None,
    "catalog_version": 1,
    "user_name": "night",
    "host": "here",
    "software": "1",
    "reason": None,
}


def known(count: int) -> list[FileLedger]:
    return [FileLedger(uri=f"known-{number:03}.jsonl", is_unchanged=True) for number in range(count)]


def page(*files: FileLedger) -> str:
    """The page of an import of these files."""
    ledger = Ledger(import_id=7, status=ImportStatus.PUBLISHED, rows=9, new=9, files=list(files))
    return ledger_page(ledger, PROVENANCE, seconds=None)


def test_the_file_of_tonight_is_on_the_page() -> None:
    """Beside hundreds of known files it is the one that is listed, and the known ones are a count."""
    shown = page(*known(730), FileLedger(uri="tonight.jsonl", sha256="a" * 64, rows=9, new=9))
    assert "## 1 file read" in shown
    assert r"tonight.jsonl" in shown
    assert "known-" not in shown
    assert "730 files known already" in shown


def test_of_many_files_those_with_problems_come_first() -> None:
    """A backfill lists a page of files: rejected rows, warnings and replaced names before new rows, and these before duplicates."""
    duplicates = [FileLedger(uri=f"old-{number:03}", rows=1, duplicate=1) for number in range(300)]
    new = [FileLedger(uri=f"new-{number:03}", rows=1, new=1) for number in range(300)]
    worst = [
        FileLedger(uri="rejected", rows=2, new=1, rejected=1),
        FileLedger(uri="replaced", rows=1, new=1, replaces_import_id=3),
        FileLedger(uri="warned", rows=1, duplicate=1, warnings=["odd"]),
    ]
    shown = shown_files([*duplicates, *new, *worst])
    assert [file.uri for file in shown.first[:4]] == ["rejected", "replaced", "warned", "new-000"]
    assert (len(shown.first), shown.more, shown.known) == (FILES_SHOWN, 603 - FILES_SHOWN, 0)
    assert f"{603 - FILES_SHOWN} more files read" in page(*duplicates, *new, *worst)
    assert len(shown_files([*duplicates, *known(5)], is_all=True).first) == 305
