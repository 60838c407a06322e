"""The command line: one file per command, and one place where errors become exit codes."""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from dltricks import __version__
from dltricks.cli import average, check, evaluate, init, lr_find, predict, schema, train, tricks
from dltricks.cli.options import settings
from dltricks.core.errors import DltricksError

app = typer.Typer(
    name="dltricks",
    help="A laboratory for deep-learning training tricks.",
    epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 diverged, 4 damaged data, 5 locked, 6 file system, "
    "9 expectation missed, 129/130/143 signals.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for module in (train, check, evaluate, average, predict, lr_find, tricks, schema, init):
    app.command(module.NAME)(module.command)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dltricks {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A laboratory for deep-learning training tricks."""


def main() -> NoReturn:
    """Runs the command line and exits with the code of what happened."""
    try:
        app(standalone_mode=True)
        sys.exit(0)
    except DltricksError as error:
        if settings.debug:
            raise
        _say("error", str(error))
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of a pipe has left, as head does; nobody is there to be told.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        if settings.debug:
            raise
        _say("bug", f"{type(error).__name__}: {error} (run again with --debug for the traceback, and report it)")
        sys.exit(1)


def _say(what: str, message: str) -> None:
    # Names and values from files may hold control characters; a terminal must not obey them.
    clean = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in message)
    typer.echo(f"dltricks: {what}: {clean}", err=True)
