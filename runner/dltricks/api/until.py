"""Trains more seeds until the verdict is decided, under a rule that is written down before the first of them."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from dltricks.api.lab import Lab, Notify, forget_all
from dltricks.api.study import Entry, StudyResult, Work, ends, finish_tuning, next_work, plan_of, save
from dltricks.comparing.baseline import choose_baseline
from dltricks.core.errors import StoppedError, UsageError
from dltricks.execution.packing import Plan
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.study import Study
from dltricks.experiment.tuning import larger_is_better
from dltricks.runs import reading, study_file
from dltricks.statistics import sequential
from dltricks.statistics.judged import Word
from dltricks.statistics.sequential import Look

MOST_SEEDS = 40
"""Of each arm, where neither the file nor the user says."""
ALPHA = 0.05
"""The chance of a false alarm in the whole study."""

NAMED = 6
"""Seeds that a message names before the rest is only counted."""

Ended = Literal["decided", "seeds", "budget"]
"""Why no more seeds were trained: every arm is decided, all seeds are used up, or the time is."""


@dataclass(frozen=True)
class Declared:
    """What is laid down before the first look, and holds whatever is seen."""

    looks: tuple[int, ...]
    """After how many seeds the arms are looked at."""
    levels: tuple[float, ...]
    """Two-sided, of each look at each arm, where no run diverges."""
    alpha: float
    baseline: str
    """The label of the arm that all others are compared with."""
    variants: tuple[str, ...]
    """The labels of the others."""
    margin: float | None
    metric: str
    """Of the last epoch."""
    seeds: tuple[int, ...]
    """In the order in which they are trained."""

    def to_json(self) -> dict[str, Any]:
        """Plain values, as in study.json."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


@dataclass(frozen=True)
class Standing:
    """How one arm stands: its last look, and the verdict."""

    label: str
    varied: dict[str, Any]
    look: Look | None
    """None before the first."""
    number: int
    """Of the last look, counted from 1; 0 before the first."""
    word: Word
    """``inconclusive`` as long as no look has decided."""
    diverged: tuple[int, int]
    """Runs of the arm and of the baseline that diverged, among those looked at."""
    failed: int
    """Runs of both that failed, among those looked at."""


@dataclass(frozen=True)
class UntilResult:
    """A study that added seeds until it was decided, or could not."""

    trained: StudyResult = field(repr=False)
    """The runs of all looks that were taken."""
    declared: Declared
    because: str
    """Why the baseline is the one it is."""
    standings: tuple[Standing, ...]
    """Of each arm but the baseline."""
    ended: Ended
    budget: float | None
    """Seconds."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Candidate:
    label: str
    varied: Mapping[str, Any]
    config: Mapping[str, Any]


def widened(study: Study, max_seeds: int | None, most: int) -> Study:
    """The study with as many seeds as it may come to.

    Raises:
        UsageError: nothing to compare, or seeds that are too few or too many.
    """
    document = study.document
    if len(study.arms) < 2 and study.tune is None:
        raise UsageError(
            f"{document.name}: --until decided compares arms, and there is one only; sweep, as in dropout=0,0.5"
        )
    seed = document.value.get("seed")
    if study.seeds is None and ("seed",) in document.origins and not isinstance(seed, dict):
        raise UsageError(document.error(("seed",), "one seed decides nothing; leave it out, or write seeds=0..39"))
    given = study.seeds
    number = max_seeds if max_seeds is not None else len(given) if given is not None else MOST_SEEDS
    sequential.looks(number)  # refuses too few
    if given is None:
        seeds = tuple(range(number))
    elif number <= len(given):
        seeds = given[:number]
    elif all(b == a + 1 for a, b in pairwise(given)):
        seeds = tuple(range(given[0], given[0] + number))
    else:
        raise UsageError(
            f"{document.name}: {len(given)} seeds are listed, and --max-seeds asks for {number}; "
            "list more, or write a range"
        )
    if seeds[-1] >= TUNING_SEEDS:
        raise UsageError(f"{document.name}: seeds from {TUNING_SEEDS:,} up are kept for tuning")
    runs = number * len(study.arms)
    if runs > most:
        raise UsageError(
            f"{document.name}: the study may come to {runs:,} runs ({len(study.arms):,} arms x {number:,} seeds), "
            f"more than the {most:,} of --max-runs"
        )
    return replace(study, seeds=seeds)


def declare(work: Work) -> tuple[Declared, str]:
    """The rule for these arms and seeds, and why the baseline is the one it is.

    Raises:
        UsageError: tuning left a single arm.
    """
    arms, seeds = work.study.arms, work.study.seeds
    assert seeds is not None
    if len(arms) < 2:
        raise UsageError(f"{work.study.document.name}: tuning changed nothing, so that there is nothing to compare")
    first = {arm.label: experiment for arm, experiment in reversed(work.pairs)}
    candidates = [_Candidate(arm.label, arm.varied, first[arm.label].config) for arm in arms]
    baseline, because = choose_baseline(candidates, None, work.baseline)
    variants = tuple(arm.label for arm in arms if arm.label != baseline)
    looks = sequential.looks(len(seeds))
    levels = sequential.boundaries(looks, ALPHA, len(variants))
    margin = work.study.margin
    return Declared(looks, levels, ALPHA, baseline, variants, margin, work.metric, seeds), because


def plan_until(
    study: Study, lab: Lab, plugins: Sequence[Path], *, fresh: bool, most: int
) -> tuple[Plan, Declared | None, str]:
    """All runs that the study may come to, what is declared, and why the baseline is the one it is.

    Nothing is declared as long as a tuning has not chosen.
    """
    work = next_work(study, lab, plugins, fresh=fresh, most=most)
    plan = plan_of(work, lab, fresh=fresh)
    if work.kind == "tuning":
        return plan, None, ""
    declared, because = declare(work)
    _check(work, declared, lab)
    return plan, declared, because


def run_until(
    study: Study,
    lab: Lab,
    plugins: Sequence[Path] = (),
    *,
    budget: float | None,
    fresh: bool,
    most: int,
    tell: Notify,
) -> UntilResult:
    """Trains up to each look, arms that are decided no further, and judges; the same call goes on when interrupted.

    Args:
        study: with as many seeds as it may come to (``widened``).
        lab: with what to train.
        plugins: files with tricks of the user's own.
        budget: seconds for the runs that are judged; a tuning comes before.
        fresh: whether to forget earlier runs.
        most: runs that a tuning may have.
        tell: is told how each look came out.

    Raises:
        UsageError: another plan was declared before for runs that have ended.
        SomeFailedError: tuning runs failed.
        StoppedError: after a signal.
    """
    work = next_work(study, lab, plugins, fresh=fresh, most=most)
    work = finish_tuning(work, study, lab, plugins, fresh=fresh, most=most)
    declared, because = declare(work)
    seen = _check(work, declared, lab)
    if fresh:
        forget_all(plan_of(work, lab).runs)
    before = study_file.load(lab.means.runs_dir / work.pairs[0][1].name)
    earlier = None if before is None else before.get("until") or before.get("declared")
    seen = earlier["seen"] if earlier and _rule(earlier) == declared.to_json() else seen
    notes = list(work.notes)
    if seen:
        notes.append(
            f"{seen} of these runs had ended before this rule was declared; its error rate holds if nobody had looked"
        )
    save(replace(work, notes=tuple(notes)), lab.means.runs_dir, {**declared.to_json(), "seen": seen})
    looked = _Looks(work, declared, lab, tell)
    lab.signals.deadline = None if budget is None else time.monotonic() + budget
    try:
        ended = looked.take()
    finally:
        lab.signals.deadline = None
    trained = StudyResult(work.study, looked.entries, work.metric, work.tuned, tuple(notes))
    return UntilResult(trained, declared, because, looked.standings, ended, budget, tuple(notes))


def _check(work: Work, declared: Declared, lab: Lab) -> int:
    """How many of the runs have ended already.

    Raises:
        UsageError: another plan was declared for some of them.
    """
    runs = lab.place(work.pairs)
    states = {run.experiment.hash: reading.status(run.path) for run in runs if run.path.exists()}
    ended = {each for each, state in states.items() if state in reading.ENDED}
    folder = lab.means.runs_dir / work.pairs[0][1].name
    before = study_file.load(folder)
    earlier = None if before is None else before.get("until") or before.get("declared")
    if before is None or earlier is None or _rule(earlier) == declared.to_json():
        return len(ended)
    known = {*(run["hash"] for run in before["runs"]), *before["superseded"]}
    if not ended & known:
        return len(ended)
    new, old = declared.to_json(), _rule(earlier)
    changed = [key for key in new if new[key] != old.get(key) and key != "levels"]
    raise UsageError(
        f"{folder / study_file.NAME}: another rule was declared for these runs, and {len(ended & known)} of them have "
        f"ended: {'; '.join(f'{key} was {_said(old.get(key))}, is {_said(new[key])}' for key in changed)}. A rule that "
        "is changed after looking keeps no error rate: go on with the declared one, or declare a new study of seeds "
        f"that nobody has seen, as in seeds={_unseen(declared, earlier)} name={work.pairs[0][1].name}-2"
    )


def _rule(declared: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in declared.items() if key != "seen"}


def _said(value: Any) -> str:
    if isinstance(value, list) and len(value) > NAMED:
        return f"{_said(value[:NAMED])} ... ({len(value)} of them)"
    return ", ".join(map(str, value)) if isinstance(value, list) else "none" if value is None else str(value)


def _unseen(new: Declared, earlier: Mapping[str, Any]) -> str:
    first = max(*new.seeds, *earlier["seeds"]) + 1
    return f"{first}..{first + len(new.seeds) - 1}"


class _Looks:
    """The looks of a study, one after another."""

    def __init__(self, work: Work, declared: Declared, lab: Lab, tell: Notify) -> None:
        self.work, self.declared, self.lab, self.tell = work, declared, lab, tell
        assert work.study.seeds is not None
        self.seeds = len(work.study.seeds)
        self.found: dict[str, list[Entry]] = {arm.label: [] for arm in work.study.arms}
        """By arm, its runs in the order of the seeds."""
        self.standing = {
            arm.label: Standing(arm.label, arm.varied, None, 0, "inconclusive", (0, 0), 0)
            for arm in work.study.arms
            if arm.label != declared.baseline
        }

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The runs of the looks that were taken, arm by arm."""
        return tuple(entry for runs in self.found.values() for entry in runs)

    @property
    def standings(self) -> tuple[Standing, ...]:
        """How the arms stand."""
        return tuple(self.standing.values())

    def take(self) -> Ended:
        """Trains and looks until all is decided, or seeds or time are used up."""
        before = 0
        for k, seeds in enumerate(self.declared.looks):
            going = [each.label for each in self.standings if each.word == "inconclusive"]
            if self.lab.signals.expired or not self._train(k, before, seeds, going):
                return "budget"
            before = seeds
            for label in going:
                self.standing[label] = self._look(label, k)
            self.tell(self._said(k, going))
            if all(each.word != "inconclusive" for each in self.standings):
                return "decided"
        return "seeds"

    def _train(self, k: int, first: int, last: int, going: Sequence[str]) -> bool:
        """Trains the seeds between two looks; whether there was time for all of them."""
        wanted = {self.declared.baseline, *going}
        pairs = [
            pair
            for number, pair in enumerate(self.work.pairs)
            if pair[0].label in wanted and first <= number % self.seeds < last
        ]
        part = replace(self.work, pairs=pairs)
        plan = replace(plan_of(part, self.lab), title=f"look {k + 1} of {len(self.declared.looks)}, {last} seeds")
        try:
            failures = self.lab.train(plan, self.work.metric)
        except StoppedError:
            if self.lab.signals.expired:
                return False
            raise
        for entry in ends(part, plan, failures):
            self.found[entry.arm.label].append(entry)
        return True

    def _look(self, label: str, k: int) -> Standing:
        n = self.declared.looks[k]
        arms = self.found[self.declared.baseline][:n], self.found[label][:n]
        baseline, variant = ([_value(entry, self.work.metric) for entry in runs] for runs in arms)
        theirs, mine = (
            sum(entry.run is not None and entry.run.status == "diverged" for entry in runs) for runs in arms
        )
        look = sequential.decide(
            baseline,
            variant,
            self.declared.looks,
            k,
            alpha=self.declared.alpha,
            arms=len(self.declared.variants),
            margin=self.declared.margin,
            larger_is_better=larger_is_better(self.work.metric),
            diverged=(mine, theirs),
        )
        failed = sum(entry.failure is not None for runs in arms for entry in runs)
        word: Word = look.decided or "inconclusive"
        return replace(self.standing[label], look=look, number=k + 1, word=word, diverged=(mine, theirs), failed=failed)

    def _said(self, k: int, going: Sequence[str]) -> str:
        head = f"look {k + 1} of {len(self.declared.looks)}, {self.declared.looks[k]} seeds: "
        return head + "; ".join(f"{label or 'the file'} {self.standing[label].word}" for label in going)


def _value(entry: Entry, metric: str) -> float:
    value = entry.value(metric)
    return math.nan if value is None else value


def seconds(text: str | float) -> float:
    """A time such as 90, 90s, 10m or 1.5h.

    Raises:
        UsageError: anything else, or no time at all.
    """
    units = {"s": 1, "m": 60, "h": 3600}
    number, unit = (str(text)[:-1], str(text)[-1:]) if str(text)[-1:] in units else (str(text), "s")
    try:
        found = float(number) * units[unit]
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise UsageError(f"--budget: found {text!r}, allowed: a time above 0, such as 90s, 10m or 1.5h")
    return found
