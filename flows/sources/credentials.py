"""Refuse a source with credentials: it would be printed, stored with its import, and kept by Prefect."""

from schemas.errors import ConfigurationError
from transforms.values.credentials import has_credentials, without_credentials


def refuse_credentials(text: str) -> None:
    """Raise ConfigurationError for an address that holds a user, a key or a signature; the message does not repeat it."""
    if has_credentials(text):
        raise ConfigurationError(
            f"{without_credentials(text)!r} has credentials in its address, which would be kept with the import; set them "
            "in the environment (AWS_…, GOOGLE_…, AZURE_…) and name the address without them"
        )
