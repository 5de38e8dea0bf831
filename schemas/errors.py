"""Errors a user can cause: one line that names the thing, the value and the way out."""


class UsageImportError(Exception):
    """The command did not come about (exit 1); its text is the one line to print."""


class ConfigurationError(UsageImportError):
    """Wrong usage or configuration (exit 2); its text is the one line to print."""
