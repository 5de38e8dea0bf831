"""Print the rejections of an import: one by one, or grouped by cause."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from itertools import chain
from pathlib import Path
from typing import Any, Final

from flows.output.table import TABLE_LINES, print_csv, print_json_list, print_table, say, say_how_many
from flows.output.wording import counted
from schemas.errors import UsageImportError

REJECTION_COLUMNS: Final = (
    "import_id", "uri", "row", "line", "byte_offset", "code", "message", "field", "value", "raw_length", "raw_sha256",
    "repeats",
)  # fmt: skip

CAUSE_COLUMNS: Final = {
    "rows": "rows",
    "code": "code",
    "first_message": "first message",
    "uri": "first in",
    "examples": "its rows",
}


def report_rejections(
    batches: Iterable[Sequence[Mapping[str, Any]]],
    reject_format: str,
    *,
    import_id: int,
    repeats: Mapping[int, int],
    is_spreadsheet: bool = False,
) -> None:
    """Print rejections one by one, each batch as soon as it comes.

    repeats: for each import that lists the same rejections already, the number of rows that repeat them.
    """
    for lister, count in repeats.items():
        place = "of this list" if lister == import_id else f"that import {lister} lists"
        say(f"{counted(count, 'row')} {'repeats' if count == 1 else 'repeat'} rejections {place}")
    if reject_format == "csv":
        print_csv(REJECTION_COLUMNS, chain.from_iterable(batches), is_spreadsheet=is_spreadsheet)
    else:
        print_json_list([_rejection_document(row) for row in batch] for batch in batches)


@contextmanager
def output_to(path: Path | None) -> Iterator[None]:
    """Write standard output to a file while the context is open, if a path is given."""
    if path is None:
        yield
        return
    try:
        with path.open("w", encoding="utf-8") as file, redirect_stdout(file):
            yield
    except OSError as error:
        raise UsageImportError(
            f"{path}: {error.strerror or error}; choose another place with --output"
        ) from error


def _rejection_document(row: Mapping[str, Any]) -> dict[str, Any]:
    raw = row["raw"]
    return {name: row[name] for name in REJECTION_COLUMNS} | {
        "raw": None if raw is None else bytes(raw).decode("utf-8", errors="backslashreplace")
    }


def print_groups(groups: Sequence[Mapping[str, Any]], *, is_all: bool = False, is_wide: bool = False) -> None:
    """Print the causes of rejections: the number of rows, the first message, the first file and its first rows."""
    print_table(
        CAUSE_COLUMNS,
        [_shown_group(group) for group in (groups if is_all else groups[:TABLE_LINES])],
        right=("rows",),
        whole=("code", "examples"),
        give_way=("examples", "uri"),
        is_wide=is_wide,
    )
    if not is_all:
        say_how_many(len(groups), "causes")
    if not groups:
        say("nothing was rejected")


def _shown_group(group: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cause as a table shows it: of its examples those in the file of the first."""
    uri = group["examples"][0]["uri"]
    rows = [f"{example['row']}" for example in group["examples"] if example["uri"] == uri]
    return {**group, "uri": uri, "examples": ", ".join(rows)}
