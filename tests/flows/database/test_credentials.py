"""No secret leaves a command: neither its output nor its state, its database or the process list has one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from flows.database.embedded.installation import URL_VARIABLE
from tests.conftest import clean_environment
from tests.flows.desk import CALLS, Desk, catalog_of, event

CANARY = "c4n4ry"

SOURCES = (
    f"s3://AKIA:{CANARY}@bucket/october.jsonl",
    f"s3://AKIA:a/{CANARY}@bucket/october.jsonl",
    f"s3://AKIA:{CANARY}/october.jsonl",
    f"s3:/AKIA:{CANARY}@bucket/october.jsonl",
    f"s3://bucket/october.jsonl?X-Amz-Expires=60&X-Amz-Signature={CANARY}",
    f"az://container/october.jsonl?sv=2026&sig={CANARY}",
    f"https://bucket.example/october.jsonl?Signature={CANARY}",
    f"postgresql://me:{CANARY}@host/events",
)

ADDRESSES = (
    f"postgresql://usage:p@{CANARY}/w:rd@127.0.0.1:1/db",
    f"postgresql://usage:p@{CANARY}@127.0.0.1:1/db",
    f"postgresql://usage:p/{CANARY}@127.0.0.1:1/db",
    f"postgresql://usage:p?{CANARY}@127.0.0.1:1/db",
    f"postgresql://127.0.0.1:1/db?user=usage&password=p@{CANARY}",
    f"postgresql://127.0.0.1:1/db?user=usage&password=p&{CANARY}=x",
    f"postgresql://127.0.0.1:1/db?dbname=postgresql://u:{CANARY}@h/db",
)


@pytest.mark.parametrize("source", SOURCES)
def test_a_source_with_credentials_is_refused_without_its_echo(desk: Desk, source: str) -> None:
    """Sources, mappings and folders with credentials are wrong usage; nothing is kept or repeated."""
    desk.catalog(catalog_of(CALLS))
    good = desk.write("events.jsonl", event())
    for words in (
        ["run", source],
        ["run", good, source],
        ["check", source],
        ["run", good, f"--mapping={source}"],
        ["run", good, "--catalog", source],
        ["catalog", source],
    ):
        answer = desk(*words, exit_code=2)
        assert CANARY not in answer.out + answer.err
        assert "credentials" in answer.err
        assert len(answer.err.splitlines()) == 1
    with psycopg.connect(desk.database_url.replace("+psycopg", "")) as connection:
        kept = connection.execute("select imports::text from usage_import.imports")
        assert CANARY not in str(kept.fetchall())


def test_a_key_with_an_at_sign_is_no_credential(desk: Desk) -> None:
    """A key of an object may have `@` and `:`, and a pattern `?`; such a source is looked for."""
    desk.catalog(catalog_of(CALLS))
    for source in ("s3://no-bucket/mail@10:00.jsonl", "s3://no-bucket/day-?.jsonl"):
        answer = desk(
            "run",
            source,
            exit_code=1,
            environment={
                "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
                "AWS_ALLOW_HTTP": "true",
                "AWS_ACCESS_KEY_ID": "k",
                "AWS_SECRET_ACCESS_KEY": CANARY,
            },
        )
        assert "credentials" not in answer.err
        assert CANARY not in answer.err


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_password_that_is_not_encoded_is_never_shown(desk: Desk, address: str) -> None:
    """An address that could be taken apart at the wrong place is refused, and no part of it is printed."""
    source = desk.write("events.jsonl", event())
    for words in (["run", source], ["usage"], ["imports"], ["catalog", desk.folder]):
        answer = desk.commands.run(
            *map(str, words), environment={URL_VARIABLE: address, "PREFECT_API_URL": ""}
        )
        assert answer.exit_code in {1, 2}
        assert CANARY not in answer.out + answer.err
        assert len(answer.err.splitlines()) <= 2


def test_the_address_of_a_prefect_api_is_shown_without_its_password(desk: Desk) -> None:
    """An API that does not answer is named, its password is not."""
    source = desk.write("events.jsonl", event())
    desk.catalog(catalog_of(CALLS))
    for address in (f"http://me:{CANARY}@127.0.0.1:1/api", f"nothing://me:{CANARY}@127.0.0.1:1/api"):
        answer = desk("run", source, exit_code=1, environment={"PREFECT_API_URL": address})
        assert "127.0.0.1:1/api" in answer.err
        assert CANARY not in answer.err


def test_no_process_has_a_secret_among_its_words(desk: Desk, tmp_path: Path) -> None:
    """While a command works, the process list names no password; afterwards, no file of its home has one."""
    desk.catalog(catalog_of(CALLS))
    pipe = tmp_path / "events.jsonl"
    os.mkfifo(pipe)
    url = make_url(desk.database_url).update_query_dict({"sslpassword": CANARY})
    home = tmp_path / "home"
    environment = clean_environment() | {
        URL_VARIABLE: url.render_as_string(hide_password=False),
        "USAGE_IMPORT_HOME": str(home),
    }
    command = [sys.executable, "-m", "flows", "run", str(pipe)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        with pipe.open("wb") as writer:  # opens once the command reads
            listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, check=True).stdout
            writer.write(json.dumps(event()).encode() + b"\n")
        output = process.communicate()[0]
    assert process.returncode == 0, output.decode()
    assert CANARY.encode() not in listed + output
    assert all(CANARY.encode() not in file.read_bytes() for file in home.rglob("*") if file.is_file())
