"""Read the fields of JSON rows: by a quick typed path, and by an exact path for every row that the quick one does not take.

Both give the same fields, and the exact path also says what is wrong with a row. The result does not show which path a row
took.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from schemas.frames.chunk import ROW_LIMIT_BYTES
from schemas.frames.rows import EVENT_COLUMNS, FIELD_NAMES, READ, TEXT_FIELDS
from transforms.values.json import DEPTH_LIMIT, Members, NotJsonError, has_lone_surrogate, parse, write

_BLOCK_ROWS = 256
"""Rows that the quick path decodes at once: copying so short a list takes a microsecond, even if rows are often refused."""

_COLUMN_ROWS = 4096
"""Events that become columns together, while they are still in the caches: with 100,000 reading took a third longer."""

_EXTENSION_LIMIT = 64
"""Further names that the quick path learns in one chunk; rows with still other names take the exact path."""

_UNLEARNABLE = re.compile(r'[\\"\x00-\x1f]|.{100}', re.DOTALL)
"""Names that the quick path cannot learn: msgspec refuses them as fields, or they are too long to keep."""

_OLD_SPELLINGS = {name for name in EVENT_COLUMNS if FIELD_NAMES[name] != name}
_KNOWN = {*EVENT_COLUMNS, *(FIELD_NAMES[name] for name in EVENT_COLUMNS)}
_ABSENT = msgspec.Raw(b"")


class _Event(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields in today's spelling; a row with any other name takes the exact path first."""

    eventName: str | None = None  # noqa: N815 - the spelling of the export
    customerId: str | None = None  # noqa: N815
    externalCustomerId: str | None = None  # noqa: N815
    timestamp: str | None = None
    idempotencyKey: str | None = None  # noqa: N815
    contractId: str | None = None  # noqa: N815
    properties: msgspec.Raw = _ABSENT


@dataclass(frozen=True)
class _Decoding:
    """A decoder of the quick path, and the further names that it knows."""

    names: tuple[str, ...]
    decoder: msgspec.json.Decoder[Any]


@dataclass
class _Run:
    """Consecutive rows read by one decoder: the last of them as events, those before as columns."""

    decoding: _Decoding
    places: list[int] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    columns: list[pl.DataFrame] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def to_columns(self) -> None:
        """Turn the events into columns, and count their unknown names."""
        if self.events:
            self.columns.append(_columns(self.places, self.events, self.decoding.names, self.unknown))
            self.places, self.events = [], []


def read_events(
    raws: Sequence[bytes], *, unreadable: dict[int, str], is_exact: bool = False
) -> tuple[pl.DataFrame, Counter[str]]:
    """Return the fields of each row (columns ``READ``), and the unknown fields counted by name.

    A field of a wrong type has its JSON text. unreadable: place → the reason why the row is known to be malformed.
    is_exact: send every row through the exact path.
    """
    runs = [_Run(_decoding(()))]
    exact: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    suspects = iter([*_suspect_places(raws, unreadable, is_exact=is_exact), len(raws)])
    place, stop = 0, next(suspects)
    while place < len(raws):
        if place < stop:
            place += _read_quickly(runs[-1], raws, place, stop)
            if place == stop:
                continue
        else:
            stop = next(suspects)
        fields, names = _malformed(unreadable[place]) if place in unreadable else _read_exactly(raws[place])
        exact.append({"place": place, **fields})
        unknown.update(name for name in names if name not in _KNOWN)
        _learn(runs, [name for name in names if name in _OLD_SPELLINGS or name not in _KNOWN])
        place += 1
    frames = [pl.DataFrame(pa.Table.from_pylist(exact, schema=_arrow_schema()))]
    for run in runs:
        run.to_columns()
        frames += run.columns
        unknown += run.unknown
    frame = pl.concat(frames, how="diagonal")
    if exact:
        frame = frame.sort("place")
    return frame.drop("place").with_columns(_none_if_absent(name) for name in EVENT_COLUMNS), unknown


@cache
def _arrow_schema() -> pa.Schema:
    """Return the columns of ``READ`` with the place of a row, for pyarrow.

    It makes columns of lists in a tenth of the time that polars takes. Not a constant, because polars would start its
    threads when this module is imported, and a process forked from it would wait for them for ever.
    """
    schema = pl.Schema({"place": pl.Int64(), **READ})
    return schema.to_frame().to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def _none_if_absent(name: str) -> pl.Expr:
    absent = ["null", '""', ""] if name == "properties" else [""]
    return pl.when(~pl.col(name).is_in(absent)).then(pl.col(name)).alias(name)


def _read_quickly(run: _Run, raws: Sequence[bytes], place: int, stop: int) -> int:
    """Read rows from ``place`` up to ``stop``, or up to the first that the decoder refuses; return how many were read."""
    for begin in range(place, stop, _BLOCK_ROWS):
        rows, before = raws[begin : min(begin + _BLOCK_ROWS, stop)], len(run.events)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            run.events.extend(map(run.decoding.decoder.decode, rows))
        count = len(run.events) - before
        run.places.extend(range(begin, begin + count))
        if len(run.events) >= _COLUMN_ROWS:
            run.to_columns()
        if count < len(rows):
            return begin + count - place
    return stop - place


def _suspect_places(raws: Sequence[bytes], unreadable: dict[int, str], *, is_exact: bool) -> list[int]:
    """Return, in order, the places of rows whose faults the quick path would not notice."""
    if is_exact:
        return list(range(len(raws)))
    texts = _texts(raws)
    is_suspect = pl.DataFrame({"text": texts, "is_halved": has_lone_surrogate(texts)}).select(
        pl.col("is_halved")
        | (pl.col("text").str.len_bytes() > ROW_LIMIT_BYTES)
        | (pl.col("text").str.count_matches(r"[\[{]") > DEPTH_LIMIT)
    )
    places = is_suspect.to_series().fill_null(value=True).arg_true()
    return sorted({*places, *unreadable})


def _texts(raws: Sequence[bytes]) -> pl.Series:
    """Return the rows as texts; null for a row that is not UTF-8."""
    try:
        return pl.Series(raws, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series([raw if _is_utf8(raw) else None for raw in raws], dtype=pl.Binary).cast(pl.String)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _learn(runs: list[_Run], names: list[str]) -> None:
    """Begin a run whose decoder knows these names too, up to ``_EXTENSION_LIMIT`` names."""
    known = runs[-1].decoding.names
    fresh = [name for name in dict.fromkeys(names) if name not in known and not _UNLEARNABLE.search(name)]
    fresh = fresh[: _EXTENSION_LIMIT - len(known)]
    if fresh:
        runs.append(_Run(_decoding((*known, *fresh))))


@lru_cache(maxsize=256)
def _decoding(names: tuple[str, ...]) -> _Decoding:
    attributes = [f"more_{index}" for index in range(len(names))]
    struct = msgspec.defstruct(
        "Event",
        [
            (attribute, str | None, None) if name in _OLD_SPELLINGS else (attribute, msgspec.Raw, _ABSENT)
            for attribute, name in zip(attributes, names, strict=True)
        ],
        bases=(_Event,),
        rename=dict(zip(attributes, names, strict=True)),
        gc=False,
        forbid_unknown_fields=True,
    )
    return _Decoding(names=names, decoder=msgspec.json.Decoder(struct))


def _columns(
    places: list[int], events: list[Any], names: tuple[str, ...], unknown: Counter[str]
) -> pl.DataFrame:
    """Return events as columns, and count in ``unknown`` the unknown names that have a value."""
    columns: dict[str, list[Any]] = {
        "event_name": [event.eventName for event in events],
        "customer_id": [event.customerId for event in events],
        "external_customer_id": [event.externalCustomerId for event in events],
        "timestamp": [event.timestamp for event in events],
        "idempotency_key": [event.idempotencyKey for event in events],
        "contract_id": [event.contractId for event in events],
    }
    for index, name in enumerate(names):
        values = [getattr(event, f"more_{index}") for event in events]
        if name in _OLD_SPELLINGS:
            columns[name] = [today or old for today, old in zip(columns[name], values, strict=True)]
        else:
            unknown[name] += sum(
                bytes(value) not in {b"", b"null", b'""'} for value in values if value is not _ABSENT
            )
    texts = {name: pl.Series(name, values, dtype=pl.String) for name, values in columns.items()}
    properties = _string_column([event.properties for event in events])
    return pl.DataFrame({"place": pl.Series(places, dtype=pl.Int64), **texts, "properties": properties})


def _string_column(texts: list[Any]) -> pl.Series:
    """Return buffers of UTF-8 as one String column; joining them takes half of the time of copying them one by one."""
    ends = pl.Series([0, *map(len, texts)], dtype=pl.Int64).cum_sum().to_arrow().buffers()[1]
    joined = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(texts), [None, ends, pa.py_buffer(b"".join(texts))]
    )
    return pl.Series(joined).cast(pl.String)


def _malformed(message: str) -> tuple[dict[str, Any], list[str]]:
    return {"malformed": message}, []


def _read_exactly(raw: bytes) -> tuple[dict[str, Any], list[str]]:
    """Read one row by the exact path: its columns, and the names of all fields that are present."""
    if len(raw) > ROW_LIMIT_BYTES:
        return _malformed(f"the row has {len(raw):,} bytes, {ROW_LIMIT_BYTES:,} are allowed")
    try:
        event = parse(raw)
    except NotJsonError as error:
        return _malformed(str(error))
    if not isinstance(event, Members):
        return _malformed("not a JSON object at byte 0")
    present = [name for name, value in event.items() if value is not None and value != ""]
    fields: dict[str, Any] = {}
    invalid: list[str] = []
    for column in EVENT_COLUMNS:
        name = next((name for name in (FIELD_NAMES[column], column) if name in present), None)
        if name is None:
            continue
        if column == "properties":
            fields[column] = _untouched_properties(raw)
        elif type(event[name]) is str:
            fields[column] = event[name]
        else:
            fields[column] = write(event[name])
            invalid += [column] if column in TEXT_FIELDS else []
    return fields | ({"invalid_fields": invalid} if invalid else {}), present


class _Properties(msgspec.Struct, gc=False):
    properties: msgspec.Raw = _ABSENT


def _untouched_properties(raw: bytes) -> str:
    """Return the text of ``properties`` exactly as the row has it."""
    return bytes(msgspec.json.decode(raw, type=_Properties).properties).decode()
