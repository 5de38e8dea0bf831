"""List the files of an import: their places, and which of them are known already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, func, select, text

from flows.database.read import is_one_of
from flows.sources.files import Source, hash_source, list_sources
from schemas.documents.mapping import Mapping
from schemas.errors import UsageImportError
from schemas.tables.imports import files

PUBLISHED_NAMES: Final = """
    select uri, max(published_import_id) from files
    where uri = any(:uris) and uri <> '-' and published_import_id is not null group by uri
"""


@dataclass(frozen=True)
class ImportFile:
    """A file of an import: its place, its bytes, and whether there is anything to read."""

    file_id: int
    source: Source
    sha256: str
    size: int
    is_unchanged: bool
    replaces_import_id: int | None = None


@dataclass(frozen=True)
class HashedSource:
    """A source and what its bytes are."""

    source: Source
    sha256: str
    size: int


def identify_sources(sources: Sequence[str]) -> tuple[HashedSource, ...]:
    """List the files of some sources and hash each; their order is that of their places."""
    return tuple(HashedSource(source, *hash_source(source)) for source in list_sources(sources))


def next_id(connection: Connection, column: Any) -> int:
    """One more than the greatest; the import lock keeps others away."""
    return int(connection.scalar(select(func.coalesce(func.max(column), 0) + 1)) or 1)


def place_files(
    connection: Connection, hashed: Sequence[HashedSource], mapping: Mapping
) -> tuple[ImportFile, ...]:
    """Each file with its place: the one it has had since it was first listed, or the next."""
    known = {
        (row.sha256, row.mapping_digest): row
        for row in connection.execute(
            select(files).where(is_one_of(files.c.sha256, [file.sha256 for file in hashed]))
        )
    }
    refuse_other_mapping(hashed, mapping, list(known.values()))
    named = dict(
        connection.execute(text(PUBLISHED_NAMES), {"uris": [file.source.uri for file in hashed]})
        .tuples()
        .all()
    )
    next_place = next_id(connection, files.c.file_id)
    planned: dict[str, ImportFile] = {}
    listed: list[ImportFile] = []
    for file in hashed:
        held = known.get((file.sha256, mapping.digest))
        if file.sha256 in planned:
            listed.append(replace(planned[file.sha256], source=file.source, is_unchanged=True))
            continue
        file_id = next_place if held is None else held.file_id
        next_place += held is None
        is_unchanged = held is not None and held.published_import_id is not None
        replaced = None if is_unchanged else named.get(file.source.uri)
        planned[file.sha256] = ImportFile(
            file_id,
            file.source,
            file.sha256,
            file.size,
            is_unchanged=is_unchanged,
            replaces_import_id=replaced,
        )
        listed.append(planned[file.sha256])
    return tuple(listed)


def refuse_other_mapping(hashed: Sequence[HashedSource], mapping: Mapping, known: Sequence[Any]) -> None:
    """Known bytes under another mapping would count twice; none at all cannot."""
    uris = {file.sha256: file.source.uri for file in hashed if file.size}
    for row in known:
        if (
            row.sha256 in uris
            and row.published_import_id is not None
            and row.mapping_digest != mapping.digest
        ):
            raise UsageImportError(
                f"{uris[row.sha256]}: import {row.published_import_id} read the same bytes under another mapping, "
                f"and under two they would count twice; use that mapping, which 'usage-import imports show {row.published_import_id}' names"
            )
