"""Damaged Parquet ends in one line that is safe to print, whatever the library raises."""

import io
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flows.sources.reading import read_chunks
from schemas.documents.mapping import Mapping, Value
from schemas.errors import UsageImportError
from transforms.rows.fields import map_fields


def written(name: str = "n", *, compression: str = "snappy", has_schema: bool = False) -> bytes:
    """Return a file with a column of each kind of page: plain, of a dictionary, with nulls."""
    columns = {
        "customer": pa.array(["a", "b"] * 20),
        name: pa.array([*range(39), None]),
        "kind": pa.array(["x", None] * 20).dictionary_encode(),
        "t": pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 40, pa.timestamp("us", "UTC")),
        "half": pa.array([0.5] * 40, pa.float16()),
        "exact": pa.array([1] * 40, pa.decimal128(38, 2)),
    }
    out = io.BytesIO()
    pq.write_table(
        pa.table(columns), out, row_group_size=20, compression=compression, store_schema=has_schema
    )
    return out.getvalue()


FILES = [written(compression="snappy"), written(compression="none")]
FOOTER_BYTES = 2_500
MAPPING = Mapping(
    fields={"eventName": Value(value="call"), "externalCustomerId": Value(value="acme")}, properties="rest"
)


def refusal(text: bytes) -> str | None:
    """Read a file to the fields of its rows, and return the message if it is refused."""
    try:
        for chunk in read_chunks(io.BytesIO(text), name="x.parquet"):
            map_fields(chunk, mapping=MAPPING)
    except UsageImportError as error:
        return str(error)
    return None


DAMAGE = st.tuples(st.booleans(), st.integers(0, 100_000), st.binary(min_size=1, max_size=3))


@settings(max_examples=300, deadline=None)
@given(file=st.sampled_from(FILES), damage=st.lists(DAMAGE, min_size=1, max_size=3))
def test_damaged_pages_and_footers_end_in_one_line(
    file: bytes, damage: list[tuple[bool, int, bytes]]
) -> None:
    """Bytes changed in pages, page headers or the footer give rows or one printable line that names the file."""
    text = bytearray(file)
    for is_footer, place, new in damage:
        first = len(text) - FOOTER_BYTES if is_footer else 4
        at = first + place % (len(text) - first - len(new))
        text[at : at + len(new)] = new
    message = refusal(bytes(text))
    assert message is None or (message.startswith("x.parquet: ") and message.isprintable())


@settings(max_examples=100, deadline=None)
@given(share=st.floats(0, 1), file=st.sampled_from(FILES), tail=st.booleans())
def test_a_cut_file_ends_in_one_line(share: float, file: bytes, *, tail: bool) -> None:
    """A file that is cut anywhere, with its last bytes or without, is refused in one printable line."""
    cut = file[: max(4, int(len(file) * share))]
    message = refusal(cut + file[-8:] if tail and len(cut) < len(file) else cut)
    assert (message is None) == (len(cut) == len(file))
    assert message is None or message.isprintable()


@settings(max_examples=100, deadline=None)
@given(name=st.binary(min_size=10, max_size=10))
@example(name=b"\xfe name \x1b[m")
@example(name=b"na\x1b[31mme_")
def test_a_column_name_of_any_bytes_is_read_or_refused(name: bytes) -> None:
    """A column name that is not UTF-8 is refused and shown; any other one is read."""
    message = refusal(written("ten_letter").replace(b"ten_letter", name))
    try:
        name.decode()
    except UnicodeDecodeError:
        assert message is not None
        assert message.isprintable()
        assert "the name of a column is not UTF-8" in message
    else:
        assert message is None


def test_an_index_beyond_a_dictionary_is_refused(capfd: pytest.CaptureFixture[str]) -> None:
    """A page whose index points beyond its dictionary is refused, and nothing is printed beside the message."""
    file = written(compression="none", has_schema=True)
    pages = len(file) - 8 - int.from_bytes(file[-8:-4], "little")
    words = [refusal(file[:at] + b"\x7f" + file[at + 1 :]) for at in range(4, pages)]
    assert any("out of bounds" in word for word in words if word is not None)
    assert capfd.readouterr().err == ""


def test_control_characters_in_the_words_of_a_library_are_escaped() -> None:
    """The message about a broken footer shows an unprintable character escaped."""
    file = written()
    footer = file[-FOOTER_BYTES:]
    words = [refusal(file[:-FOOTER_BYTES] + footer[:at] + b"\x0f" + footer[at + 1 :]) for at in range(600)]
    assert all(word.isprintable() for word in words if word is not None)


@pytest.mark.parametrize("name", ["a\x1bb", "\u202ex"])
def test_a_column_that_is_refused_is_named_safely(name: str) -> None:
    """Names of columns and of the members of their types are escaped."""
    out = io.BytesIO()
    pq.write_table(pa.table({name: pa.array([{name: 1}])}), out)
    message = refusal(out.getvalue())
    assert message is not None
    assert message.isprintable()
