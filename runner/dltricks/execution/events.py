"""What is heard of a stack while it is trained, from whichever process; each event fits into a line of JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Progress:
    """How far a stack has come, a few times a second."""

    share: float
    """Of the steps of all its runs, those that are done or will not be needed, from 0 to 1."""
    epoch: int
    """The epoch that is being trained, counted from 1."""
    epochs: int
    running: int
    """Runs that have not ended."""
    rate: float
    """Steps per second, each run's counted."""


@dataclass(frozen=True)
class Ended:
    """A run has its result."""

    run: int
    """The run's number in the plan."""
    result: dict[str, Any]
    """The content of its run.json."""
    reused: bool = False
    """Whether it had been trained before, by someone else meanwhile."""


@dataclass(frozen=True)
class Failed:
    """A run will have no result from this attempt."""

    run: int
    error: str
    """The name of a class of ``core.errors``."""
    message: str
    code: int
    """The exit code that this error has for a single run."""


@dataclass(frozen=True)
class Notice:
    """A sentence for people, such as a run that goes on from a checkpoint."""

    message: str


@dataclass(frozen=True)
class Finished:
    """Every run of the stack has ended or failed."""


@dataclass(frozen=True)
class Stopped:
    """The stack was left after a signal, with checkpoints to go on from."""

    signal: int
    message: str


@dataclass(frozen=True)
class Lost:
    """The process that trained the stack has gone without a word, or met an error that nobody foresaw."""

    reason: str


Event = Progress | Ended | Failed | Notice | Finished | Stopped | Lost
_KINDS: dict[str, type[Any]] = {cls.__name__: cls for cls in (Progress, Ended, Failed, Notice, Finished, Stopped, Lost)}


def encode(event: Event) -> str:
    """One line of JSON, without its end."""
    return json.dumps([type(event).__name__, asdict(event)])


def decode(line: str | bytes) -> Event:
    """The event of such a line.

    Raises:
        ValueError: anything else.
    """
    try:
        name, values = json.loads(line)
        event: Event = _KINDS[name](**values)
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise ValueError(f"not an event: {line[:200]!r}") from error
    return event
