"""A study as tables: what is planned, and what came out for each of its arms."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dltricks.cli import tables
from dltricks.cli.labels import about, count_of, plan_summary, summary
from dltricks.cli.options import Format
from dltricks.cli.output import inert
from dltricks.cli.tables import console, print_json, print_rows
from dltricks.core.spelling import spell

if TYPE_CHECKING:
    from dltricks.execution.packing import Plan

_GAP = 3
"""Columns between two columns of a table."""
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


@dataclass
class ArmResult:
    """What came out for one arm of a study."""

    label: str
    varied: dict[str, Any]
    """By key, the values in which it differs from the other arms."""
    values: list[float]
    """The metric at the last epoch of each run that finished."""
    diverged: int
    failed: int
    note: str = ""


def print_results(arms: Sequence[ArmResult], metric: str, format: Format) -> None:
    """Prints a row for each arm: the mean of its runs and how far they are apart."""
    if format is Format.json:
        print_json({"metric": metric, "arms": [arm_numbers(arm) for arm in arms]})
        return
    rows = result_rows(arms)
    if format is not Format.table:
        print_rows([{_named(key, metric): value for key, value in row.items()} for row in rows], format)
        return
    screen = console()
    fitted = _fitted(rows, screen.width)
    print_rows(fitted, format, title=f"{metric} of the last epoch")
    screen.print()
    notes: dict[str, list[str]] = {}
    for arm in arms:
        counts = {"diverged": arm.diverged, "failed": arm.failed}
        missing = [f"{count:,} {name}" for name, count in counts.items() if count and name not in fitted[0]]
        for note in [*missing, arm.note]:
            if note:
                notes.setdefault(note, []).append(arm.label)
    for note, labels in notes.items():
        whose = "" if len(labels) == len(arms) else f"{'; '.join(labels)}: "
        screen.print(inert(whose + note), soft_wrap=True)
    screen.print(_closing(arms), style="dim")


def result_rows(arms: Sequence[ArmResult]) -> list[dict[str, Any]]:
    """Rows with the keys in which arms differ; of divergences, failures and notes only if there are any."""
    by_key = len({repr(arm.varied) for arm in arms}) == len(arms)
    keys = list(dict.fromkeys(key for arm in arms for key in arm.varied)) if by_key else []
    shown = ["runs", "mean", "sd", "min", "max"]
    shown += [name for name in ("diverged", "failed", "note") if any(getattr(arm, name) for arm in arms)]
    rows = []
    for arm in arms:
        # As text, since numbers beside names would be rounded and aligned in another way.
        row: dict[str, Any] = {key: spell(arm.varied[key]) if key in arm.varied else "" for key in keys}
        if not keys and len(arms) > 1:
            row["arm"] = arm.label
        numbers = arm_numbers(arm)
        rows.append(row | {name: numbers[name] for name in shown})
    return rows


def _named(column: str, metric: str) -> str:
    return f"mean {metric}" if column == "mean" else column


def _fitted(rows: Sequence[dict[str, Any]], width: int) -> list[dict[str, Any]]:
    """The rows for people: in a narrow window with shorter keys, without the extremes, at last without the counts."""
    fitted = [{key: value for key, value in row.items() if key != "note"} for row in rows]
    for row in fitted:
        if row["sd"] is not None:  # no finer than the means
            row["sd"] = round(row["sd"], 4) or float(f"{row['sd']:.1g}")
    columns = list(fitted[0]) if fitted else []
    if _width(fitted) > width:
        ends = Counter(column.rpartition(".")[2] for column in columns)
        short = {column: column.rpartition(".")[2] for column in columns}
        short = {column: name if ends[name] == 1 else column for column, name in short.items()}
        fitted = [{short[column]: value for column, value in row.items()} for row in fitted]
    for dropped in (("min", "max"), ("diverged", "failed")):
        if _width(fitted) > width:
            fitted = [{key: value for key, value in row.items() if key not in dropped} for row in fitted]
    return fitted


def _width(rows: Sequence[dict[str, Any]]) -> int:
    columns = list(rows[0]) if rows else []
    widths = [max(len(column), *(len(tables.spell(row[column])) for row in rows)) for column in columns]
    return sum(widths) + _GAP * (len(widths) - 1)


def arm_numbers(arm: ArmResult) -> dict[str, Any]:
    """An arm in JSON; mean, extremes and deviation (divided by n - 1) are None where there are too few values."""
    values, count = arm.values, len(arm.values)
    mean = math.fsum(values) / count if values else None
    sd = None
    if mean is not None and count > 1:
        sd = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (count - 1))
    return {
        "label": arm.label,
        "varied": arm.varied,
        "runs": count + arm.diverged + arm.failed,
        "mean": mean,
        "sd": sd,
        "min": min(values, default=None),
        "max": max(values, default=None),
        "values": values,
        "diverged": arm.diverged,
        "failed": arm.failed,
        "note": arm.note,
    }


def _closing(arms: Sequence[ArmResult]) -> str:
    counts = [len(arm.values) for arm in arms]
    fewest, most = min(counts, default=0), max(counts, default=0)
    seeds = count_of(most, "seed") if fewest == most else f"{fewest:,} to {count_of(most, 'seed')}"
    return f"{seeds} in each row; means of few seeds are no verdict."


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
