"""Build the command line from its families, and turn every error that a user can cause into one line and an exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, Final

import typer
from typer.core import TyperGroup

from flows.commands.catalog import catalog_command, rollup, settings
from flows.commands.imports import check, imports_app, rejects, revert, run
from flows.commands.stack import up
from flows.commands.usage import events, unassigned, usage
from schemas.errors import ConfigurationError, UsageImportError

GOES_ON: Final = "what was committed is kept, the same command goes on from there"

NOTHING_CHANGED: Final = "nothing was changed"


class Commands(TyperGroup):
    """The group of all commands; it passes an interruption on to `main`, where Typer would end without a message."""

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]
        """Run the command; raises UsageImportError if it is interrupted."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            is_run = ctx.invoked_subcommand == "run"
            raise UsageImportError(f"interrupted; {GOES_ON if is_run else NOTHING_CHANGED}") from None


app = typer.Typer(
    name="usage-import",
    cls=Commands,
    help="Turns exports of usage events into invoice-ready usage per billing period.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


app.command("catalog")(catalog_command)
for command in (check, run, rollup, usage, events, unassigned, rejects, revert, settings, up):
    app.command()(command)
app.add_typer(imports_app, name="imports")


def main() -> None:
    """Run the command line; an error that a user can cause ends in one line and an exit code."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        prepare_output()
        refuse_broken_text(sys.argv[1:])
        try:
            app()
        finally:
            if sys.stdout is not None:
                sys.stdout.flush()
    except UsageImportError as error:
        fail(error, code=2 if isinstance(error, ConfigurationError) else 1)
    except BrokenPipeError:
        forget_output()
        sys.exit(1)
    except OSError as error:
        forget_output()
        place = error.filename or "standard output"
        fail(f"{place}: {(error.strerror or str(error)).lower()}; make room, or choose another place", code=1)


def prepare_output() -> None:
    """Write UTF-8 to files and pipes, and escapes to a terminal for characters that its encoding lacks.

    Raises ConfigurationError if there is no standard output.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8")
    if sys.stdout is None:
        raise ConfigurationError("standard output is closed; give it a place, such as /dev/null")


def refuse_broken_text(arguments: Sequence[str]) -> None:
    """Raise ConfigurationError for an argument that is not UTF-8: it could be neither stored nor looked up."""
    for argument in arguments:
        try:
            argument.encode()
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"{argument!a} is not UTF-8; a file of such a name has to be renamed, or its folder given"
            ) from None


def forget_output() -> None:
    """Discard unwritten output, so that the interpreter does not try to write it again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def fail(error: UsageImportError | str, *, code: int) -> None:
    """Print one line that says why, after each problem if the error has several, and exit."""
    from flows.output.table import say

    for problem in getattr(error, "problems", ()):
        say(str(problem))
    say(f"usage-import: {error}")
    sys.exit(code)
