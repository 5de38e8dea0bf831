"""Choose the files of an import that people should see first, and word what became of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from flows.output.wording import counted
from schemas.ledger import FileLedger

FILES_SHOWN: Final = 20
"""Files that an answer shows of many, unless all are asked for."""


@dataclass(frozen=True)
class ShownFiles:
    """The files to show, the number of further files that were read, and of files that were known already."""

    first: list[FileLedger]
    more: int
    known: int


def shown_files(files: Sequence[FileLedger], *, is_all: bool = False) -> ShownFiles:
    """Return the files that matter first, at most ``FILES_SHOWN``: those with problems, then those with new rows.

    Files that were known already are only counted. is_all: return all files, the known ones at the end.
    """
    read = sorted((file for file in files if not file.is_unchanged), key=_importance)
    known = [file for file in files if file.is_unchanged]
    if is_all:
        return ShownFiles(read + known, 0, 0)
    return ShownFiles(read[:FILES_SHOWN], len(read[FILES_SHOWN:]), len(known))


def _importance(file: FileLedger) -> int:
    """Return 0 for a file with rejected rows, a warning or other bytes than before, 1 with new rows, else 2."""
    if file.rejected or file.warnings or file.replaces_import_id is not None or not file.rows:
        return 0
    return 1 if file.new or file.corrected or file.stale else 2


def files_note(shown: ShownFiles, *, import_id: int | None) -> str | None:
    """Return one line about the files that are not shown, None if there are none; a check has no import id."""
    notes = []
    if shown.more:
        notes.append(f"{counted(shown.more, 'more file')} read")
    if shown.known:
        notes.append(f"{counted(shown.known, 'file')} known already")
    if not notes:
        return None
    place = "--json" if import_id is None else f"'usage-import imports show {import_id} --files'"
    return f"{' and '.join(notes)}; {place} lists all"
