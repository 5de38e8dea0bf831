"""Sift a chunk: read the fields of its rows, normalise them, resolve customers, validate, and identify the accepted rows.

Every row of a chunk is either accepted or rejected, and the size of the chunk does not matter to which.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

import polars as pl

from schemas.documents.mapping import Mapping
from schemas.frames.chunk import RAW_KEPT_BYTES, Chunk
from schemas.frames.rows import row_rules
from schemas.frames.sifted import ACCEPTED, ACCEPTED_WITH_BYTES, REJECTED
from transforms.identity.keys import identify
from transforms.rows.counts import SiftCounts, counts_of
from transforms.rows.fields import Fields, map_fields
from transforms.rows.normalise import normalise
from transforms.rows.rejection_messages import rejection_messages
from transforms.rows.resolve import resolve_customers
from transforms.rows.validate import validate
from transforms.rows.warnings import warnings_of
from transforms.values.days import latest_at


@dataclass(frozen=True)
class Sifted:
    """The rows of a chunk, each accepted or rejected, in order; their counts; warnings.

    accepted: columns ``ACCEPTED``, or ``ACCEPTED_WITH_BYTES`` if the source rejects conflicts. rejections: ``REJECTED``.
    """

    accepted: pl.DataFrame
    rejections: pl.DataFrame
    counts: SiftCounts
    warnings: tuple[str, ...]


def sift(
    chunk: Chunk,
    *,
    mapping: Mapping,
    customers: pl.DataFrame,
    contracts: pl.DataFrame,
    clock: datetime,
    is_exact: bool = False,
) -> Sifted:
    """Accept or reject every row of a chunk.

    customers: ``customer_no`` Int32, ``id``, ``external_customer_id`` String|null; contracts: ``contract_no`` Int32, ``id``,
    ``customer_no``; both as known. clock: the import's, aware. is_exact: read JSON by the exact path only, which gives
    the same and is slower.
    """
    clock = clock.astimezone(UTC)
    fields = map_fields(chunk, mapping=mapping, is_exact=is_exact)
    rows = normalise(fields.rows, mapping=mapping, clock=clock)
    rows = resolve_customers(rows, customers=customers, contracts=contracts)
    rules = row_rules(
        latest=latest_at(clock), oldest=mapping.oldest, is_timestamp_required=mapping.requires_timestamp
    )
    validated = validate(rows.hstack(chunk.positions).with_row_index("place"), rules)
    accepted = identify(validated.accepted, customers=customers, contracts=contracts)
    if mapping.rejects_conflicts:
        accepted = _with_bytes(accepted, chunk, fields)
    messages = rejection_messages(
        validated.refused, customers=customers, contracts=contracts, oldest=mapping.oldest
    )
    rejections = _with_bytes(validated.refused.hstack(messages), chunk, fields)
    return Sifted(
        accepted=_of_schema(accepted, ACCEPTED_WITH_BYTES if mapping.rejects_conflicts else ACCEPTED),
        rejections=_of_schema(rejections, REJECTED),
        counts=counts_of(accepted, fields, mapping),
        warnings=warnings_of(accepted),
    )


def _of_schema(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    return rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _with_bytes(rows: pl.DataFrame, chunk: Chunk, fields: Fields) -> pl.DataFrame:
    """Add the columns ``BYTES`` to rows, found by their ``place`` in the chunk."""
    places = rows["place"].to_list()
    raws = [fields.raw(place) for place in places]
    malformed = [chunk.malformed.get(place) for place in places]
    lengths = [len(raw) if bad is None else bad.raw_length for raw, bad in zip(raws, malformed, strict=True)]
    hashes = [
        sha256(raw).digest() if bad is None else bad.raw_sha256
        for raw, bad in zip(raws, malformed, strict=True)
    ]
    return rows.with_columns(
        raw=pl.Series([raw[:RAW_KEPT_BYTES] for raw in raws], dtype=pl.Binary),
        raw_length=pl.Series(lengths, dtype=pl.Int64),
        raw_sha256=pl.Series(hashes, dtype=pl.Binary),
    )
