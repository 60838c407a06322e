"""Measures peers side by side: each lives in a process of its own, and they take turns.

While one works the others wait on a pipe, so that neither memory nor threads of one disturb another, and a drift of the
machine's speed meets all of them.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from typing import Any

Measure = Callable[..., float]


class Worker:
    """A process that answers each call of ``ask`` with what its function returns."""

    def __init__(self, prepare: Callable[[], Measure]) -> None:
        """``prepare`` runs in the new process, imports the peer, and returns the function that measures."""
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(prepare, theirs), daemon=True)
        self._process.start()

    def ask(self, **arguments: Any) -> float:
        """What the worker measures with these arguments."""
        return ask_together([self], **arguments)[0]

    def _answer(self) -> float:
        answer = self._pipe.recv()
        if isinstance(answer, BaseException):
            raise answer
        return float(answer)

    def close(self) -> None:
        """Ends the process."""
        self._process.terminate()
        self._process.join()


def ask_together(workers: Sequence[Worker], **arguments: Any) -> list[float]:
    """What each of several workers measures while the others measure the same."""
    for worker in workers:
        worker._pipe.send(arguments)
    return [worker._answer() for worker in workers]


def _serve(prepare: Callable[[], Measure], pipe: Connection) -> None:
    measure = prepare()
    while True:
        arguments = pipe.recv()
        try:
            pipe.send(measure(**arguments))
        except Exception as error:
            pipe.send(error)


def take_turns(calls: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """The median of each call's values, one of each in every round, after a round that does not count."""
    values: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            value = call()
            if number:
                values[name].append(value)
    return {name: median(found) for name, found in values.items()}


def machine() -> str:
    """One line about where this was measured."""
    model = platform.processor()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model)
    kernels = os.environ.get("OPENBLAS_CORETYPE", "chosen by OpenBLAS")
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}, kernels: {kernels}"
    )


def markdown(columns: list[str], rows: list[list[str]]) -> str:
    """A table for docs/benchmarks.md."""
    lines = ["| " + " | ".join(row) + " |" for row in [columns, *rows]]
    lines.insert(1, "|" + "|".join([" --- "] * len(columns)) + "|")
    return "\n".join(lines)
