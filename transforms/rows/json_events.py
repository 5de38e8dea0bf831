"""JSON rows to fields: a quick typed path for clean rows, and an exact one for every row that it does not take.

Both give the same; the exact path also knows what is wrong. Which rows take which path never shows.
"""

import re
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa

from schemas.frames.chunk import ROW_LIMIT_BYTES
from schemas.frames.rows import FIELD_NAMES, TEXT_FIELDS
from transforms.values.json import DEPTH_LIMIT, Members, NotJsonError, has_lone_surrogate, parse, write

COLUMNS = tuple(name for name in FIELD_NAMES if name != "version")
"""What an event itself holds; a version comes only from a mapping."""

_BLOCK_ROWS = 256
"""Rows handed to the quick path at once: a list that long is copied in a microsecond, however often a row is refused."""

_HELD_ROWS = 4096
"""Events that become columns together while they are still at hand: 100,000 at once took a third longer to read."""

_EXTENSION_LIMIT = 64
"""Names beyond the usual that the quick path learns in one chunk; rows with still others take the exact path."""

_UNLEARNABLE = re.compile(r'[\\"\x00-\x1f]|.{100}', re.DOTALL)
"""msgspec refuses fields of such names; and what is learnt is kept, so it must be short."""

_OLD_SPELLINGS = {name for name in COLUMNS if FIELD_NAMES[name] != name}
_KNOWN = {*COLUMNS, *(FIELD_NAMES[name] for name in COLUMNS)}
_ABSENT = msgspec.Raw(b"")


class _Event(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    """The fields in today's spelling; anything else is met by the exact path first."""

    eventName: str | None = None  # noqa: N815 - the spelling of the export
    customerId: str | None = None  # noqa: N815
    externalCustomerId: str | None = None  # noqa: N815
    timestamp: str | None = None
    idempotencyKey: str | None = None  # noqa: N815
    contractId: str | None = None  # noqa: N815
    properties: msgspec.Raw = _ABSENT


@dataclass(frozen=True)
class _Reading:
    """How the quick path reads, once it has met some names beyond the usual."""

    names: tuple[str, ...]
    decoder: msgspec.json.Decoder[Any]


@dataclass
class _Run:
    """Rows read by one reading: the last as events, those before them as columns."""

    reading: _Reading
    places: list[int] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)
    columns: list[pl.DataFrame] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def to_columns(self) -> None:
        """Turn the events into columns; unknown names are counted on the way."""
        if self.events:
            self.columns.append(_columns(self.places, self.events, self.reading.names, self.unknown))
            self.places, self.events = [], []


def read_events(
    raws: Sequence[bytes], *, unreadable: dict[int, str], is_exact: bool = False
) -> tuple[pl.DataFrame, Counter[str]]:
    """One row per raw: String columns ``malformed``, ``unfit`` (fields of a wrong type) and ``COLUMNS``, null where absent.

    A field of a wrong type holds its JSON text. ``unreadable``: place → why the row is known to be malformed.
    The counter tells unknown fields by name. ``is_exact`` sends every row through the exact path.
    """
    runs = [_Run(_reading(()))]
    exact: list[dict[str, Any]] = []
    unknown: Counter[str] = Counter()
    doubtful = iter([*_doubtful_places(raws, unreadable, is_exact=is_exact), len(raws)])
    place, stop = 0, next(doubtful)
    while place < len(raws):
        if place < stop:
            place += _read_quickly(runs[-1], raws, place, stop)
            if place == stop:
                continue
        else:
            stop = next(doubtful)
        read, names = _malformed(unreadable[place]) if place in unreadable else _read_exactly(raws[place])
        exact.append({"place": place, **read})
        unknown.update(name for name in names if name not in _KNOWN)
        _extend(runs, [name for name in names if name in _OLD_SPELLINGS or name not in _KNOWN])
        place += 1
    frames = [pl.DataFrame(exact, schema=_SCHEMA, orient="row")]
    for run in runs:
        run.to_columns()
        frames += run.columns
        unknown += run.unknown
    frame = pl.concat(frames, how="diagonal")
    if exact:
        frame = frame.sort("place")
    return frame.drop("place").with_columns(_none_if_absent(name) for name in COLUMNS), unknown


_SCHEMA = {
    "place": pl.Int64,
    "malformed": pl.String,
    "unfit": pl.String,
    "unmade": pl.String,
} | dict.fromkeys(COLUMNS, pl.String)


def _none_if_absent(name: str) -> pl.Expr:
    absent = ["null", '""', ""] if name == "properties" else [""]
    return pl.when(~pl.col(name).is_in(absent)).then(pl.col(name)).alias(name)


def _read_quickly(run: _Run, raws: Sequence[bytes], place: int, stop: int) -> int:
    """Read rows from `place` on, up to `stop` or the first that the run's reading does not take; how many it took."""
    for begin in range(place, stop, _BLOCK_ROWS):
        rows, held = raws[begin : min(begin + _BLOCK_ROWS, stop)], len(run.events)
        with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            run.events.extend(map(run.reading.decoder.decode, rows))
        taken = len(run.events) - held
        run.places.extend(range(begin, begin + taken))
        if len(run.events) >= _HELD_ROWS:
            run.to_columns()
        if taken < len(rows):
            return begin + taken - place
    return stop - place


def _doubtful_places(raws: Sequence[bytes], unreadable: dict[int, str], *, is_exact: bool) -> list[int]:
    """The rows that the quick path would take without noticing what is wrong with them, in order."""
    if is_exact:
        return list(range(len(raws)))
    texts = _texts(raws)
    doubt = pl.DataFrame({"text": texts, "is_halved": has_lone_surrogate(texts)}).select(
        pl.col("is_halved")
        | (pl.col("text").str.len_bytes() > ROW_LIMIT_BYTES)
        | (pl.col("text").str.count_matches(r"[\[{]") > DEPTH_LIMIT)
    )
    places = doubt.to_series().fill_null(value=True).arg_true()
    return sorted({*places, *unreadable})


def _texts(raws: Sequence[bytes]) -> pl.Series:
    """The rows as texts, null where one is not UTF-8."""
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


def _extend(runs: list[_Run], names: list[str]) -> None:
    """Lets the quick path know names that it has now met, as far as there is room."""
    known = runs[-1].reading.names
    fresh = [name for name in dict.fromkeys(names) if name not in known and not _UNLEARNABLE.search(name)]
    fresh = fresh[: _EXTENSION_LIMIT - len(known)]
    if fresh:
        runs.append(_Run(_reading((*known, *fresh))))


@lru_cache(maxsize=256)
def _reading(names: tuple[str, ...]) -> _Reading:
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
    return _Reading(names=names, decoder=msgspec.json.Decoder(struct))


def _columns(
    places: list[int], events: list[Any], names: tuple[str, ...], unknown: Counter[str]
) -> pl.DataFrame:
    """Quickly read events as columns; ``unknown`` counts those of ``names`` that hold something."""
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
    properties = _joined([event.properties for event in events])
    return pl.DataFrame({"place": pl.Series(places, dtype=pl.Int64), **texts, "properties": properties})


def _joined(texts: list[Any]) -> pl.Series:
    """Buffers of UTF-8 as one String column: joined at once, half of the time it takes to copy them one by one."""
    ends = pl.Series([0, *map(len, texts)], dtype=pl.Int64).cum_sum().to_arrow().buffers()[1]
    joined = pa.LargeBinaryArray.from_buffers(
        pa.large_binary(), len(texts), [None, ends, pa.py_buffer(b"".join(texts))]
    )
    return pl.Series(joined).cast(pl.String)


def _malformed(message: str) -> tuple[dict[str, str], list[str]]:
    return {"malformed": message}, []


def _read_exactly(raw: bytes) -> tuple[dict[str, str], list[str]]:
    """One row by the exact path: what its columns hold, and the names of fields that are present."""
    if len(raw) > ROW_LIMIT_BYTES:
        return _malformed(f"the row has {len(raw):,} bytes, {ROW_LIMIT_BYTES:,} are allowed")
    try:
        event = parse(raw)
    except NotJsonError as error:
        return _malformed(str(error))
    if not isinstance(event, Members):
        return _malformed("not a JSON object at byte 0")
    present = [name for name, value in event.items() if value is not None and value != ""]
    read, unfit = {}, []
    for column in COLUMNS:
        name = next((name for name in (FIELD_NAMES[column], column) if name in present), None)
        if name is None:
            continue
        if column == "properties":
            read[column] = _untouched(raw)
        elif type(event[name]) is str:
            read[column] = event[name]
        else:
            read[column] = write(event[name])
            unfit += [column] if column in TEXT_FIELDS else []
    return read | ({"unfit": f",{','.join(unfit)},"} if unfit else {}), present


class _Properties(msgspec.Struct, gc=False):
    properties: msgspec.Raw = _ABSENT


def _untouched(raw: bytes) -> str:
    """The text of ``properties`` as it stands in the row."""
    return bytes(msgspec.json.decode(raw, type=_Properties).properties).decode()
