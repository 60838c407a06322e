"""A plan as a file, from which array jobs of a cluster each train one stack."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dltricks.core.errors import DamagedError, UsageError
from dltricks.execution.packing import Plan
from dltricks.execution.task import TASK
from dltricks.runs import files, sealed

FORMAT = 1


def save(path: Path, plan: Plan) -> None:
    """Writes what is to be trained; ``load`` reads one stack of it."""
    files.make_folder(path.absolute().parent)
    sealed.save(files.output(path), {"format": FORMAT, "tasks": [task.to_json() for task in plan.tasks]})


def load(path: Path, index: int) -> dict[str, Any]:
    """The stack with a number, as ``Task.to_json`` wrote it.

    Raises:
        UsageError: no such file or stack.
        DamagedError: not what was written.
    """
    content = sealed.load(path, FORMAT, sealed.LARGEST)
    if content is None:
        raise UsageError(f"{path}: no such file; dltricks train FILE --plan --manifest {path} writes it")
    wrong = sealed.misfit(content, {"tasks": [TASK]})
    if wrong is not None:
        raise DamagedError(f"{path}: {wrong} is not what a manifest holds there; plan anew")
    tasks = content["tasks"]
    if not tasks:
        raise UsageError(f"{path}: nothing is left to train")
    if not 0 <= index < len(tasks):
        raise UsageError(f"{path}: there is no stack {index}, allowed: 0 to {len(tasks) - 1}")
    found: dict[str, Any] = tasks[index]
    return found
