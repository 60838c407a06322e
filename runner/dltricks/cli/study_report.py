"""A study's plan as a table: what would be trained."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from dltricks.cli.labels import about, plan_summary, summary
from dltricks.cli.options import Format
from dltricks.cli.tables import console, print_json, print_rows

if TYPE_CHECKING:
    from dltricks.execution.packing import Plan

GROUPS = 40
"""Rows of a plan that people are shown, at most."""


def print_plan(plan: Plan, format: Format) -> None:
    """Prints what would be trained; in JSON one object for each stack."""
    if format is Format.json:
        print_json(plan_numbers(plan))
        return
    rows = plan_rows(plan)
    if format is not Format.table:
        print_rows(rows, format)
        return
    if rows:
        print_rows([_for_people(row) for row in rows[:GROUPS]], format)
    screen = console()
    if len(rows) > GROUPS:
        screen.print(f"… and {len(rows) - GROUPS:,} more kinds of stacks")
    screen.print(("\n" if rows else "") + plan_summary(plan), soft_wrap=True)


def plan_numbers(plan: Plan) -> dict[str, Any]:
    """A plan in JSON."""
    return {
        "runs": len(plan.runs),
        "done": len(plan.done),
        "stacks": _stacks(plan),
        "workers": plan.workers,
        "seconds": plan.seconds,
    }


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    shown = dict(row)
    seconds = shown.pop("seconds", None)
    return shown if seconds is None else {**shown, "time": about(seconds)}


def plan_rows(plan: Plan) -> list[dict[str, Any]]:
    """A row for each group of runs that may share a stack, and one for those that are done."""
    sizes: dict[int, Counter[int]] = {}
    group_of = {run.number: number for number, group in enumerate(plan.groups) for run in group.runs}
    for task in plan.tasks:
        sizes.setdefault(group_of[task.runs[0].number], Counter())[len(task.runs)] += 1
    rows = [
        {
            "group": summary([run.label for run in group.runs]),
            "runs": len(group.runs),
            "stacks": " + ".join(f"{count} x {size}" for size, count in sorted(sizes[number].items(), reverse=True)),
            "epochs": group.runs[0].experiment.recipe.epochs,
            # One after another: how long all take depends on the workers.
            "seconds": len(group.runs) * group.seconds,
        }
        for number, group in enumerate(plan.groups)
    ]
    if plan.done:
        rows.append({"group": "done already", "runs": len(plan.done)})
    return rows


def _stacks(plan: Plan) -> list[dict[str, Any]]:
    seconds = {run.number: group.seconds for group in plan.groups for run in group.runs}
    return [
        {
            "group": summary([run.label for run in task.runs]),
            "runs": len(task.runs),
            "epochs": task.epochs,
            "seconds": math.fsum(seconds[run.number] for run in task.runs),
        }
        for task in plan.tasks
    ]
