"""Errors a user can cause: one line that names the thing, the value and the way out."""


class UsageImportError(Exception):
    """The command did not come about (exit 1); its text is the one line to print."""


class UnreachableError(UsageImportError):
    """Something outside does not answer (exit 1): nothing is wrong with what was loaded, which stays to be gone on with."""


class ConfigurationError(UsageImportError):
    """Wrong usage or configuration (exit 2); its text is the one line to print."""
