"""The errors that users see, each as one line that names the thing, the value and the way out."""

from collections.abc import Sequence
from typing import Any, Final


class UsageImportError(Exception):
    """A command that failed (exit 1); the text is the one line to print."""


PROBLEMS_NAMED: Final = 3


class SeveralProblemsError(UsageImportError):
    """A document with several problems; the text names the first few, `problems` has all of them."""

    def __init__(self, summary: str, problems: Sequence[Any]) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        more = len(self.problems) - PROBLEMS_NAMED
        first = "; ".join(map(str, self.problems[:PROBLEMS_NAMED]))
        super().__init__(f"{summary}: {first}{f' and {more:,} more' if more > 0 else ''}")


class UnreachableError(UsageImportError):
    """A service that does not answer (exit 1); loaded data is correct, and the same command resumes."""


class ConfigurationError(UsageImportError):
    """A wrong usage or configuration (exit 2); the text is the one line to print."""
