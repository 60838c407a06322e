"""What a study's report needs, loaded while worker processes train and this one only listens to them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dltricks.api.lab import View
    from dltricks.execution.events import Event
    from dltricks.execution.packing import Plan
    from dltricks.execution.task import Task


class Ahead:
    """A view that also loads modules once all workers have a task, and open its folders: they wait for the disk then.

    Not earlier: what is loaded before workers start delays them.
    """

    def __init__(self, view: View, *modules: str) -> None:
        self._view, self._modules = view, modules

    def planned(self, plan: Plan, metric: str) -> None:
        self._idle = plan.workers if plan.workers > 1 else 0  # a single one is mostly this process
        self._view.planned(plan, metric)

    def started(self, task: Task) -> None:
        self._view.started(task)
        self._idle -= 1
        if self._idle == 0:
            for module in self._modules:
                import_module(module)

    def report(self, task: Task, event: Event) -> None:
        self._view.report(task, event)

    def ended(self) -> None:
        self._view.ended()
