"""A mapping file is read, or one line names the wrong key and the allowed values."""

from pathlib import Path

import pytest

from flows.sources.mapping_file import load_mapping
from schemas.documents.mapping import DEFAULT_MAPPING, Column, Property, Template, Value
from schemas.errors import ConfigurationError

WHOLE = """
time_zone = "Europe/Berlin"
missing_timestamp = "reject"
oldest = 2020-01-01T01:00:00+01:00
on_conflict = "reject"
version = { column = "updated_at" }
deleted = { column = "is_deleted", equals = "true" }
[fields]
externalCustomerId = { value = "contoso" }
timestamp = { column = "TIMESTAMP", format = "%d.%m.%Y %H:%M:%S" }
idempotencyKey = { template = "llm-{TIMESTAMP}-{ContextTokens}" }
[properties]
ContextTokens = { column = "ContextTokens", type = "number" }
"""


def test_a_mapping_is_read_from_toml(tmp_path: Path) -> None:
    """All options are read; without a file, columns are taken by name."""
    file = tmp_path / "vendor.toml"
    file.write_text(WHOLE)
    mapping = load_mapping(file)
    assert mapping.fields == {
        "externalCustomerId": Value(value="contoso"),
        "timestamp": Column(column="TIMESTAMP", format="%d.%m.%Y %H:%M:%S"),
        "idempotencyKey": Template(template="llm-{TIMESTAMP}-{ContextTokens}"),
    }
    assert mapping.properties == {"ContextTokens": Property(column="ContextTokens", type="number")}
    assert (mapping.on_conflict, mapping.missing_timestamp, mapping.time_zone) == (
        "reject",
        "reject",
        "Europe/Berlin",
    )
    assert str(mapping.oldest) == "2020-01-01 00:00:00+00:00"
    assert load_mapping(None) is DEFAULT_MAPPING


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x =", "not TOML: invalid value (at end of document)"), ("a = 1\na = 2", "not TOML: cannot overwrite a value (at end of document)"),
        ('tz = "UTC"', "tz is no key of a mapping; allowed here are time_zone, missing_timestamp, oldest, on_conflict, corrections, version, deleted, fields, properties"),
        ('time_zone = "Mars"', "time_zone: 'Mars' is no IANA time zone; allowed are names such as UTC or Europe/Berlin"), ("time_zone = 5", "time_zone: 5 is no text; write it in quotes"),
        ('time_zone = "localtime"', "time_zone: 'localtime' is no IANA time zone; allowed are names such as UTC or Europe/Berlin"),
        ('time_zone = "../../etc/passwd"', "time_zone: '../../etc/passwd' is no IANA time zone; allowed are names such as UTC or Europe/Berlin"),
        ('missing_timestamp = "x"', "missing_timestamp: 'x' is not allowed; allowed are 'now' or 'reject'"), ('on_conflict = "x"', "on_conflict: 'x' is not allowed; allowed are 'correct' or 'reject'"),
        ("oldest = 2020-01-01", "oldest: 2020-01-01 is no instant; write one with an offset, as in 2020-01-01T00:00:00Z"), ("oldest = 2020-01-01T00:00:00", "oldest: 2020-01-01 00:00:00 needs an offset, as in 2020-01-01T00:00:00Z"),
        ("version = {}", "version.column is missing"), ('version = "v"', "version: 'v' must be a table of keys"), ('deleted = { column = "a" }', "deleted.equals is missing"), ('deleted = { column = "a", equals = true }', "deleted.equals: True is no text; write it in quotes"),
        ('[fields]\nquantity = { value = "x" }', "fields.quantity is no field; allowed are 'eventName', 'customerId', 'externalCustomerId', 'timestamp', 'idempotencyKey' or 'contractId'"),
        ('[fields]\neventName = "x"', "fields.eventName needs exactly one of value, column, template"), ('[fields]\neventName = { value = "x", column = "y" }', "fields.eventName needs exactly one of value, column, template"),
        ('[fields]\neventName = { value = "" }', "fields.eventName.value: '' must not be empty"), ('[fields]\neventName = { column = "x", units = "s" }', "fields.eventName.units is no key of a mapping; allowed here are column, unit, format"),
        ('[fields]\ntimestamp = { column = "x", unit = "h" }', "fields.timestamp.unit: 'h' is not allowed; allowed are 's', 'ms' or 'us'"), ('[fields]\neventName = { column = "x", unit = "s" }', "fields.eventName: unit and format are allowed for timestamp only"),
        ('[fields]\ntimestamp = { column = "x", unit = "s", format = "%Y" }', "fields.timestamp: unit or format is allowed, not both"),
        ('[fields]\ntimestamp = { column = "x", format = "%q" }', "fields.timestamp.format: '%q': %q is not understood; allowed are %Y, %m, %d, %H, %I, %M, %S, %f, %p, %b, %B, %z, %%"),
        ('[fields]\nidempotencyKey = { template = "a{b" }', "fields.idempotencyKey.template: 'a{b' has a brace without its partner at character 2"),
        ('[fields]\nidempotencyKey = { template = "ab" }', "fields.idempotencyKey.template: 'ab' names no column in braces; for a fixed text write value = …"),
        ('properties = "all"', "properties: 'all' is not allowed; allowed are 'rest' or a table of properties"), ('[properties]\na = { column = "x", type = "int" }', "properties.a.type: 'int' is not allowed; allowed are 'text', 'number' or 'boolean'"),
        ("[properties]\na = {}", "properties.a needs exactly one of column, value"), ('[properties]\n"a b" = { column = "x", z = 1 }', "properties.a b.z is no key of a mapping; allowed here are column, type"), ('fields = "x"', "fields: 'x' must be a table of keys"),
    ],
)  # fmt: skip
def test_an_error_of_a_mapping_is_one_line(tmp_path: Path, text: str, problem: str) -> None:
    """The line has the file, the key, its value, and the allowed values."""
    file = tmp_path / "vendor.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as refusal:
        load_mapping(file)
    assert str(refusal.value) == f"{file}: {problem}"


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    """A missing file, a folder and broken UTF-8 are errors."""
    with pytest.raises(ConfigurationError, match="no such file or directory; give a mapping file to read"):
        load_mapping(tmp_path / "none.toml")
    with pytest.raises(ConfigurationError, match="is a directory; give a mapping file to read"):
        load_mapping(tmp_path)
    (tmp_path / "bad.toml").write_bytes(b'time_zone = "\xff"')
    with pytest.raises(ConfigurationError, match="broken UTF-8 at byte 13; a mapping is TOML in UTF-8"):
        load_mapping(tmp_path / "bad.toml")
