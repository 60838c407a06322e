"""Many runs in a few words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dltricks.experiment.identity import PURPOSES

if TYPE_CHECKING:
    from dltricks.execution.packing import Plan

_SEED = re.compile(rf"(?:(.*) )?s((?:(?:{'|'.join(PURPOSES)})=)?\d\S*)", re.DOTALL)


def summary(labels: Sequence[str]) -> str:
    """What runs have in common, from their labels: "dropout=0.2, 10 seeds", or only "20 runs"."""
    if len(labels) == 1:
        return labels[0] or "1 run"
    split = [_SEED.fullmatch(label) for label in labels]
    arms = dict.fromkeys((match[1] or "") if match else label for match, label in zip(split, labels, strict=True))
    first, *others = ([part for part in arm.split(",") if part] for arm in arms)
    common = [part for part in first if all(part in other for other in others)]
    seeds = not others and all(split)
    return ", ".join([*common, count_of(len(labels), "seed" if seeds else "run")])


def count_of(number: int, what: str) -> str:
    """1 run, 2 runs."""
    return f"{number:,} {what}" + "s" * (number != 1)


def plan_summary(plan: Plan) -> str:
    """The plan in a sentence: "40 runs in 2 stacks on 2 workers; 0 done already; about 1.2 s"."""
    before = f"{plan.title}: " if plan.title else ""
    total, done = len(plan.runs), len(plan.done)
    aside = f", of which {_states(plan)}" if set(plan.done.values()) - {"finished"} else ""
    if not plan.tasks:
        return f"{before}nothing to train: {count_of(total, 'run')}, all done already{aside}"
    runs = f"{total - done:,} of {count_of(total, 'run')}" if done else count_of(total, "run")
    stacks, workers = count_of(len(plan.tasks), "stack"), count_of(plan.workers, "worker")
    time = f"; about {about(plan.seconds)}" if plan.seconds else ""  # nobody has measured what a manifest brings
    return f"{before}{runs} in {stacks} on {workers}; {done:,} done already{aside}{time}"


def _states(plan: Plan) -> str:
    return ", ".join(f"{count:,} {state}" for state, count in Counter(plan.done.values()).items())


def about(seconds: float) -> str:
    """An estimate, no finer than it deserves."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if seconds < 89.5:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
