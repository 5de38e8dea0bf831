"""The errors that users see, each as one line that names the thing, the value and the way out."""


class UsageImportError(Exception):
    """A command that failed (exit 1); the text is the one line to print."""


class UnreachableError(UsageImportError):
    """A service that does not answer (exit 1); loaded data is correct, and the same command resumes."""


class ConfigurationError(UsageImportError):
    """A wrong usage or configuration (exit 2); the text is the one line to print."""
