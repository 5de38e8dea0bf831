"""Build the command line from its families, and turn every error that a user can cause into one line and an exit code."""

import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from io import BufferedWriter, RawIOBase, TextIOWrapper
from typing import Annotated, Any, Final, TextIO

import typer
from typer.core import TyperGroup

from flows.commands.catalog import catalog_command, rollup, settings
from flows.commands.examples import epilog
from flows.commands.imports import check, imports_app, rejects, revert, run
from flows.commands.stack import up
from flows.commands.usage import events, unassigned, usage
from schemas.errors import PROBLEMS_NAMED, ConfigurationError, SeveralProblemsError, UsageImportError

GOES_ON: Final = "what was committed is kept, the same command goes on from there"

NOTHING_CHANGED: Final = "nothing was changed"


WHAT_WAS_DONE: Final = "; the command was done before, 'usage-import imports' shows it"

PUBLISHING: Final = (["run"], ["catalog"], ["rollup"], ["settings"], ["revert"])
"""The commands that change something before they print."""

ENDING_SIGNALS: Final = ("SIGTERM", "SIGHUP", "SIGQUIT")
"""Signals that ask for an end: from a service manager, from a terminal that closes, from its keyboard."""


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
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)


app.command("catalog", epilog=epilog("catalog"))(catalog_command)
for command in (check, run, rollup, usage, events, unassigned, rejects, revert, settings, up):
    app.command(epilog=epilog(command.__name__))(command)
app.add_typer(imports_app, name="imports", epilog=epilog("imports"))


def print_version(is_asked: bool) -> None:
    """Print the version and end, if it is asked for."""
    if is_asked:
        sys.stdout.write(f"usage-import {version('usage-import')}\n")
        raise typer.Exit


@app.callback()
def program(
    _: Annotated[
        bool, typer.Option("--version", callback=print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn exports of usage events into invoice-ready usage per billing period."""


def main() -> None:
    """Run the command line; an error that a user can cause ends in one line and an exit code."""
    hear_signals()
    try:
        prepare_output()
        refuse_arguments(sys.argv[1:])
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
        done = WHAT_WAS_DONE if error.filename is None and sys.argv[1:2] in PUBLISHING else ""
        reason = (error.strerror or str(error)).lower()
        fail(f"{place}: {reason}; make room, or choose another place{done}", code=1)


def hear_signals() -> None:
    """Let every signal that asks for an end interrupt the command as Ctrl-C does.

    A signal that is ignored stays so: `nohup` asks for that.
    """
    for name in ENDING_SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def prepare_output() -> None:
    """Write UTF-8 to files and pipes, and escapes to a terminal for characters that its encoding lacks.

    Raises ConfigurationError if there is no standard output.
    """
    if sys.stdout is not None:
        sys.stdout = written_whole(sys.stdout)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8")
    if sys.stdout is None:
        raise ConfigurationError("standard output is closed; give it a place, such as /dev/null")


def written_whole(stream: TextIO) -> TextIO:
    """Return a stream that writes every byte or raises OSError.

    With PYTHONUNBUFFERED=1 standard output takes a short write, as on a full disk, for a whole one.
    """
    raw = getattr(stream, "buffer", None)
    if not isinstance(raw, RawIOBase):
        return stream
    return TextIOWrapper(BufferedWriter(raw), line_buffering=stream.isatty())


def refuse_arguments(arguments: Sequence[str]) -> None:
    """Raise ConfigurationError for an argument that is not UTF-8, or that is an address with credentials.

    The first could be neither stored nor looked up; the second would be repeated by messages and kept with the import.
    """
    from flows.sources.credentials import refuse_credentials

    for argument in arguments:
        option, equals, value = argument.partition("=")
        refuse_credentials(value if equals and option.startswith("--") else argument)
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
    """Print one line that says why, or a line for each of many problems before it, and exit."""
    from flows.output.table import say

    if isinstance(error, SeveralProblemsError) and len(error.problems) > PROBLEMS_NAMED:
        for problem in error.problems:
            say(str(problem))
        error = error.summary
    say(f"usage-import: {error}")
    sys.exit(code)
