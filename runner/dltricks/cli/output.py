"""The two ways out: results to stdout, everything else to stderr. A reader who has left ends neither."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import IO

import typer


def inert(value: object) -> str:
    """Text that no terminal obeys: control and invisible characters are shown, not sent."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(value))


def write(text: str, *, end: str = "\n") -> None:
    """Prints a result. That a pipe's reader has left, as head does, changes nothing but that nobody sees it."""
    try:
        typer.echo(text + end, nl=False)
    except BrokenPipeError:
        quieten(sys.stdout)


def say(message: str) -> None:
    """Tells people on stderr, whatever names and values from files the message holds."""
    # The terminal may be gone, as after a hang-up.
    with contextlib.suppress(OSError):
        typer.echo("\n".join(inert(line) for line in f"dltricks: {message}".split("\n")), err=True)


def open_closed() -> None:
    """Gives standard streams that were closed (``2>&-``) a place where nobody listens.

    In their order, so that each gets its own number again and no file of a run is taken for one of them.
    """
    for name in ("stdin", "stdout", "stderr"):
        if getattr(sys, name) is None:
            number = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "r" if name == "stdin" else "w", encoding="utf-8", closefd=False))


def quieten(stream: IO[str]) -> None:
    """Lets what is still written to a stream vanish, at the interpreter's exit too."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
