"""List the files of an import: their places, and which of them are known already."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, func, select

from flows.database.execute import execute
from flows.database.read import is_one_of
from flows.sources.files import Source, hash_source, list_sources
from schemas.documents.mapping import Mapping
from schemas.errors import UsageImportError
from schemas.tables.imports import files
from transforms.statements import statements

SQL: Final = statements("flows/imports/listing.sql")


@dataclass(frozen=True)
class ImportFile:
    """A file of an import: its place, its source and hash, and whether its bytes are known already."""

    file_id: int
    source: Source
    sha256: str
    size: int
    is_unchanged: bool
    replaces_import_id: int | None = None
    set_aside_import_id: int | None = None
    """The import that set the file aside, if that is why it is left out."""


@dataclass(frozen=True)
class HashedSource:
    """A source with the hash and the size of its bytes."""

    source: Source
    sha256: str
    size: int


def identify_sources(sources: Sequence[str]) -> tuple[HashedSource, ...]:
    """Return the files of some sources in the order of their places, each with its hash."""
    return tuple(HashedSource(source, *hash_source(source)) for source in list_sources(sources))


def next_id(connection: Connection, column: Any) -> int:
    """Return one more than the greatest id of a column; the import lock keeps others away."""
    return int(connection.scalar(select(func.coalesce(func.max(column), 0) + 1)) or 1)


def place_files(
    connection: Connection, hashed: Sequence[HashedSource], mapping: Mapping
) -> tuple[ImportFile, ...]:
    """Return each file with its place: the one it got when it was first listed, or the next.

    A file that an import set aside is left out, unless it was named itself.

    Raises UsageImportError if published bytes were read under another mapping.
    """
    known = {
        (row.sha256, row.mapping_digest): row
        for row in connection.execute(
            select(files).where(is_one_of(files.c.sha256, [file.sha256 for file in hashed]))
        )
    }
    refuse_other_mapping(hashed, mapping, list(known.values()))
    uris = [file.source.uri for file in hashed]
    imports_by_uri = dict(execute(connection, SQL["last_imports_of_names"], uris=uris).tuples().all())
    next_place = next_id(connection, files.c.file_id)
    placed: dict[str, ImportFile] = {}
    listed: list[ImportFile] = []
    for file in hashed:
        existing = known.get((file.sha256, mapping.digest))
        if file.sha256 in placed:
            listed.append(replace(placed[file.sha256], source=file.source, is_unchanged=True))
            continue
        file_id = next_place if existing is None else existing.file_id
        next_place += existing is None
        left_out_by = None if existing is None or file.source.is_named else existing.set_aside_import_id
        is_unchanged = existing is not None and existing.published_import_id is not None
        is_unchanged |= left_out_by is not None
        replaced = None if is_unchanged else imports_by_uri.get(file.source.uri)
        placed[file.sha256] = ImportFile(
            file_id,
            file.source,
            file.sha256,
            file.size,
            is_unchanged=is_unchanged,
            replaces_import_id=replaced,
            set_aside_import_id=left_out_by,
        )
        listed.append(placed[file.sha256])
    return tuple(listed)


def refuse_other_mapping(hashed: Sequence[HashedSource], mapping: Mapping, known: Sequence[Any]) -> None:
    """Raise UsageImportError if bytes are published under another mapping: under two mappings they would count twice.

    Empty files count nowhere, so they may come under any mapping.
    """
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
