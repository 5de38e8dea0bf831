"""A bucket of a server that speaks S3 over real HTTP, for tests of object storage."""

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3  # type: ignore[import-untyped]  # it ships no types
import pytest

from flows.sources import object_store
from flows.sources.files import list_sources
from schemas.errors import UsageImportError
from tests.ports import free_port

EVENT = b'{"eventName":"a"}\n'
BUCKET = "exports"
SECRET = "a-secret-that-is-never-printed"


@contextmanager
def s3_server() -> Iterator[int]:
    """Start a server that speaks S3 and give its port."""
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            time.sleep(0.1)
        else:
            pytest.fail("the S3 server does not come up")
        yield port
    finally:
        server.kill()
        server.wait()


@contextmanager
def s3_bucket(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Give a client of the server with an empty bucket; the environment points to the server."""
    point_to(port, monkeypatch)
    client = boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key=SECRET,
    )
    client.create_bucket(Bucket=BUCKET)
    yield client
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET):
        keys = [{"Key": found["Key"]} for found in page.get("Contents", [])]
        if keys:
            client.delete_objects(Bucket=BUCKET, Delete={"Objects": keys})
    client.delete_bucket(Bucket=BUCKET)
    client.close()
    object_store.store_of.cache_clear()


def point_to(port: int, monkeypatch: pytest.MonkeyPatch, **more: str) -> None:
    """Point the environment to an S3 server on a port, and to nothing else."""
    object_store.store_of.cache_clear()
    for name in os.environ:
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")):
            monkeypatch.delenv(name)
    settings = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": SECRET,
    }
    for name, value in (settings | more).items():
        monkeypatch.setenv(name, value)


def put(s3: Any, *keys: str, body: bytes = EVENT) -> None:
    """Write the same bytes under each key."""
    for key in keys:
        s3.put_object(Bucket=BUCKET, Key=key, Body=body)


def listed(*sources: str) -> list[str]:
    """Return the keys that sources stand for."""
    return [file.uri.removeprefix(f"s3://{BUCKET}/") for file in list_sources(sources)]


def refusal(*sources: str) -> str:
    """Return the one line with which listing the sources is refused; it holds no secret and names a way out."""
    with pytest.raises(UsageImportError) as refused:
        list_sources(sources)
    assert SECRET not in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "; " in str(refused.value)
    return str(refused.value)
