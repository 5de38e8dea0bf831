"""Address object storage and send it requests."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any, TypeVar

import obstore
from obstore import exceptions
from obstore.store import ObjectStore, from_url

from flows.sources.credentials import refuse_credentials
from flows.sources.object_store_errors import (
    STORAGES,
    check_endpoint,
    is_plain_allowed,
    reason_of,
    storage_of,
)
from flows.sources.reading import names
from schemas.errors import ConfigurationError, UnreachableError, UsageImportError

# The client retries a request by itself as these settings say.
RETRIES: Any = {
    "max_retries": 4,
    "backoff": {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=2), "base": 2},
    "retry_timeout": timedelta(seconds=30),
}
TIMEOUTS: Any = {"connect_timeout": timedelta(seconds=5), "timeout": timedelta(seconds=60)}

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class StoredObject:
    """One object: its URL, its size in bytes, and the tag that changes with its bytes."""

    uri: str
    size: int
    etag: str | None


@dataclass(frozen=True)
class Location:
    """A bucket and a key, prefix or pattern in it."""

    scheme: str
    bucket: str
    key: str

    @property
    def root(self) -> str:
        """The bucket's URL."""
        return f"{self.scheme}://{self.bucket}"

    def uri(self, key: str) -> str:
        """Return the URL of an object in the bucket."""
        return f"{self.root}/{key}"


def location_of(url: str) -> Location:
    """Return the parts of a URL, taken literally: nothing in it is percent-encoded. Raises ConfigurationError."""
    refuse_credentials(url)
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme not in STORAGES:
        known = ", ".join(f"{known}://" for known in STORAGES)
        raise ConfigurationError(
            f"{names.printable(url)}: nothing is read from {scheme}://; known are {known} and paths"
        )
    if not bucket:
        raise ConfigurationError(
            f"{names.printable(url)}: the bucket is missing; write {scheme}://bucket/prefix/"
        )
    return Location(scheme, bucket, key)


def find_object(location: Location) -> StoredObject | None:
    """Return the object with exactly this key, or None if there is none."""
    uri = location.uri(location.key)
    try:
        meta = request(uri, lambda: obstore.head(store_of(location.root), location.key))
    except FileNotFoundError:
        return None
    return StoredObject(uri, meta["size"], meta["e_tag"])


@cache
def store_of(root: str) -> ObjectStore:
    """Return the client of one bucket; credentials, endpoint and region come from the environment."""
    storage = storage_of(root)
    check_endpoint(storage)
    try:
        # If an encryption option is passed here, the client ignores the one in the environment.
        options = TIMEOUTS | {"allow_http": is_plain_allowed(storage)}
        return from_url(root, retry_config=RETRIES, client_options=options)
    except (exceptions.BaseError, ValueError, OSError) as error:
        raise ConfigurationError(f"{root}: {reason_of(error, storage)}") from error


def request(uri: str, send: Callable[[], Answer]) -> Answer:
    """Send a request about ``uri`` and return the storage's answer.

    Raises FileNotFoundError if there is no such object or bucket, UnreachableError if no answer comes, and
    UsageImportError if the object has changed.
    """
    name, storage = names.printable(uri), storage_of(uri)
    try:
        return send()
    except (exceptions.NotFoundError, FileNotFoundError) as error:
        if "NoSuchBucket" in str(error):
            raise UsageImportError(f"{name}: {reason_of(error, storage)}") from error
        raise FileNotFoundError from error
    except exceptions.PreconditionError as error:
        raise UsageImportError(
            f"{name}: the object changed while it was read; run again once it stands still"
        ) from error
    except ValueError as error:
        raise ConfigurationError(f"{name}: no key can read so; check for doubled slashes and dots") from error
    except (exceptions.BaseError, OSError) as error:
        raise UnreachableError(f"{name}: {reason_of(error, storage)}") from error
