"""The command line: one file per command, and one place where errors become exit codes."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Callable, Sequence
from functools import wraps
from itertools import takewhile
from typing import Annotated, Any, NoReturn

import typer

from dltricks import __version__
from dltricks.cli import (
    ablate,
    average,
    check,
    compare,
    diff,
    evaluate,
    export,
    gc,
    init,
    lr_find,
    noise,
    predict,
    schema,
    train,
    tricks,
    verdict,
    worker,
)
from dltricks.cli import list as listing
from dltricks.cli.options import settings
from dltricks.cli.output import open_closed, quieten, say
from dltricks.core.errors import DltricksError, FileSystemError, StoppedError, UsageError
from dltricks.core.refusals import refusal


def _interruptible(command: Callable[..., None]) -> Callable[..., None]:
    """A command that Ctrl-C ends with the code of its signal, also where nothing is being trained."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> None:
        try:
            command(*args, **kwargs)
        except (KeyboardInterrupt, RuntimeError) as error:
            interruption = _interruption(error)
            if interruption is None:
                raise
            if isinstance(interruption, KeyboardInterrupt):
                say("interrupted")
                interruption = SystemExit(130)
            raise interruption from None

    return wrapper


def _interruption(error: BaseException | None) -> BaseException | None:
    """What a signal's handler raised, if that is what is behind an error: locks and classes that were being made
    when it came turn it into a RuntimeError.
    """
    while isinstance(error, RuntimeError):
        error = error.__cause__ or error.__context__
    return None if isinstance(error, Exception) else error


MODULES = (
    *(train, ablate, compare, verdict, noise, listing, diff, check, evaluate, average, predict, export, lr_find),
    *(tricks, schema, init, worker, gc),
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"dltricks {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """A laboratory for deep-learning training tricks."""


def _command_line(words: Sequence[str]) -> typer.Typer:
    """The commands; only the one that the first word names, where it does: to make the options of all takes 50 ms."""
    app = typer.Typer(
        name="dltricks",
        help="A laboratory for deep-learning training tricks.",
        epilog="Exit codes: 0 ok, 1 bug, 2 usage, 3 diverged, 4 damaged data, 5 locked, 6 file system, "
        "7 some runs failed, 8 cluster unreachable, 9 expectation missed, 129/130/143 signals.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for module in [module for module in MODULES if module.NAME in words[:1]] or MODULES:
        app.command(module.NAME)(_interruptible(module.command))
    return app


def main() -> NoReturn:
    """Runs the command line and exits with the code of what happened."""
    open_closed()
    for stream in (sys.stdout, sys.stderr):
        # A pipe that cannot spell a character gets its number instead of ending the command.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        _refuse_invisible(sys.argv[1:])
        _command_line(sys.argv[1:])(prog_name="dltricks")
    except SystemExit as leaving:
        # Of help whose reader has left, as head does, typer makes the code of a bug.
        if isinstance(leaving.__context__, BrokenPipeError):
            sys.exit(0)
        raise
    except Exception as error:
        if settings.debug:
            raise
        sys.exit(_explain(error))
    sys.exit(0)


def _refuse_invisible(words: Sequence[str]) -> None:
    """No option has such a name, and what the parser of the command line says of it would be sent to the terminal."""
    for word in takewhile(lambda word: word != "--", words):
        name = word.partition("=")[0]
        if name.startswith("-") and not name.isprintable():
            raise UsageError(f"no such option: {name}")


def _explain(error: Exception) -> int:
    """Tells people what happened; the exit code for it."""
    if isinstance(error, StoppedError):
        say(str(error))
        return error.exit_code
    if isinstance(error, DltricksError):
        say(f"error: {error}")
        return error.exit_code
    if isinstance(error, MemoryError):
        say(f"error: not enough memory ({error}); a smaller architecture or batch_size needs less")
        return 2
    if isinstance(error, OSError):
        # What has no name is one of the standard streams.
        say(f"error: {refusal(error.filename or 'cannot write the output', error)}")
        quieten(sys.stdout)
        # A mistake in the command line stays one, though nobody may be there to be told.
        return int(getattr(error.__context__, "exit_code", FileSystemError.exit_code))
    suspects = _suspects(error)
    if suspects:
        again = "run again with --debug for the traceback"
        say(f"error: plugin {' or '.join(suspects)}: {type(error).__name__}: {error} ({again})")
        return UsageError.exit_code
    say(f"bug: {type(error).__name__}: {error} (run again with --debug for the traceback, and report it)")
    return 1


def _suspects(error: Exception) -> list[str]:
    """The plugin whose code failed, with the line; where none did, the plugins that may have handed on nonsense."""
    from dltricks.core import registry

    plugins = {plugin.cls.__module__: plugin for plugin in registry.plugins()}
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        plugin = plugins.get(frame.f_globals.get("__name__", ""))
        if plugin is not None:
            written = frame.f_code.co_filename != "<string>"  # where a dataclass's own methods were made
            return [f"{plugin.path}, line {line}" if written else str(plugin.path)]
    return [str(plugin.path) for plugin in plugins.values()]
