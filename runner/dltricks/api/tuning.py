"""Finds the best values of every arm's tuned keys, on seeds that nothing is judged on, and remembers them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

from dltricks.api.lab import Lab
from dltricks.core.errors import UsageError
from dltricks.core.spelling import spell
from dltricks.execution.task import PlannedRun
from dltricks.experiment.arm import Arm, tuned_label
from dltricks.experiment.overrides import Override
from dltricks.experiment.resolve import Experiment
from dltricks.experiment.settings import TUNING_SEEDS
from dltricks.experiment.study import Study, experiments
from dltricks.experiment.tuning import (
    Candidate,
    Choice,
    Tuned,
    Tuning,
    applies,
    candidates,
    choose,
    extended,
    larger_is_better,
    metric_of,
    plan_hash,
    some,
    tuning_notes,
)
from dltricks.runs import reading, study_file

Runs = Mapping[str, PlannedRun]
"""Planned runs by hash."""


class Tuner:
    """The tuning of a study: as long as ``advance`` names runs, they are to be trained."""

    def __init__(self, study: Study, lab: Lab, plugins: Sequence[Path], *, fresh: bool, most: int) -> None:
        """
        Args:
            study: one that tunes.
            lab: with what to train.
            plugins: files with tricks of the user's own.
            fresh: whether to choose anew; runs that are there still count.
            most: runs that tuning and what is judged may have together, extensions of the grids included.

        Raises:
            UsageError: a tuning that makes no sense for this study, or is too large.
        """
        assert study.tune is not None
        self.study, self.lab, self.plugins, self.fresh = study, lab, plugins, fresh
        self.tuning: Tuning = study.tune
        self.seeds = self.tuning.numbers
        self.arms: list[tuple[Arm, Experiment]] = list(experiments(study, seeds=[TUNING_SEEDS], plugins=plugins))
        metrics = {metric_of(self.tuning, study.document, experiment) for _, experiment in self.arms}
        self.metric = metrics.pop() if len(metrics) == 1 else "val_loss"  # which all tasks have
        self.notes = tuning_notes(self.tuning, study.document, self.arms)
        self.folder, self.most = lab.means.runs_dir / self.arms[0][1].name, most
        self._check_size(self.tuning)
        self._check_seeds()

    def advance(self) -> Tuned | list[tuple[Arm, Experiment]]:
        """The choices, or the runs that are needed for them and not all there yet."""
        hashes = {arm.label: experiment.hash for arm, experiment in self.arms}
        plan = plan_hash(hashes, self.tuning, self.metric)
        frozen = study_file.load(self.folder)
        if not self.fresh and frozen is not None and frozen["tuned"] is not None:
            before = Tuned.from_json(frozen["tuned"])
            if before.plan == plan:
                return before
        tuning = self.tuning
        while True:
            pairs = self.pairs(tuning)
            # Points of two arms can be the same run.
            needed = list({experiment.hash: (arm, experiment) for arm, experiment in pairs}.values())
            runs = {run.experiment.hash: run for run in self.lab.place(needed)}
            if any(reading.status(run.path) not in reading.ENDED for run in runs.values()):
                return needed
            choices = self.choices(tuning, pairs, runs)
            edges = {edge for choice in choices.values() for edge in choice.edges}
            longer = extended(tuning, edges, self.allowed) if tuning.extend and edges else None
            if longer is None:
                return Tuned(plan, self.metric, tuning, choices)
            self._check_size(longer)
            tuning = longer

    def _check_size(self, tuning: Tuning) -> None:
        points = sum(
            prod(len(grid.values) for grid in tuning.grids if applies(grid, arm, experiment))
            for arm, experiment in self.arms
        )
        runs = points * len(self.seeds)
        judged = 2 * len(self.arms) * len(self.study.seeds or [0])
        if runs + judged > self.most:
            grown = "" if tuning == self.tuning else ", extended where the best value was the last,"
            size = f"{runs:,} runs ({points:,} points x {len(self.seeds):,} seeds) and up to {judged:,} to judge"
            limit = f"more than the {self.most:,} of --max-runs"
            raise UsageError(f"{self.study.document.name}: tuning{grown} has {size}, {limit}")

    def _check_seeds(self) -> None:
        """What is judged must not be what was tuned on."""
        first = None if self.study.seeds is None else self.study.seeds[:1]
        (_, judged), *_ = experiments(self.study, self.study.arms[:1], first, self.plugins)
        seed = judged.config["seed"]
        problem = None
        if max(seed.values() if isinstance(seed, dict) else [seed]) >= TUNING_SEEDS:
            problem = f"seeds from {TUNING_SEEDS:,} up are kept for tuning; write a smaller one"
        elif seed == self.arms[0][1].config["seed"]:
            problem = "every purpose has its seed here, so that tuning would choose by the very runs that are judged"
        if problem:
            raise UsageError(self.study.document.error(("seed",), problem))

    def points(self, tuning: Tuning) -> list[tuple[Arm, list[Candidate]]]:
        return [(arm, candidates(tuning, self.study.document, arm, experiment)) for arm, experiment in self.arms]

    def pairs(self, tuning: Tuning) -> list[tuple[Arm, Experiment]]:
        """Every point of every arm with every seed of tuning, in this order."""
        arms = [at(arm, point.point, point.overrides) for arm, points in self.points(tuning) for point in points]
        return list(experiments(self.study, arms, self.seeds, self.plugins, repeats=True))

    def choices(self, tuning: Tuning, pairs: Sequence[tuple[Arm, Experiment]], runs: Runs) -> dict[str, Choice]:
        """The best point of each arm, from the runs of ``pairs``, which have ended."""
        values = iter([_value(runs[experiment.hash].path, self.metric) for _, experiment in pairs])
        choices = {}
        for arm, points in self.points(tuning):
            results = [[next(values) for _ in self.seeds] for _ in points]
            tried = [point.point for point in points]
            choices[arm.label] = choose(tuning, tried, results, larger_is_better(self.metric))
        return choices

    def allowed(self, key: str, value: Any) -> bool:
        """Whether an arm that tunes the key may take the value."""
        change = Override(tuple(key.split(".")), value, "tune")
        for arm, experiment in self.arms:
            if any(key in point.point for point in candidates(self.tuning, self.study.document, arm, experiment)):
                try:
                    arms = [at(arm, {key: value}, (change,))]
                    list(experiments(self.study, arms, [TUNING_SEEDS], self.plugins))
                except UsageError:
                    return False
        return True

    def remarks(self, tuned: Tuned) -> tuple[str, ...]:
        """What the choices leave open."""
        notes = [*self.notes, *_budgets(tuned)]
        for label, choice in tuned.choices.items():
            who = f"{label}: " if label else ""
            notes += [
                f"{who}the best {edge.key}, {choice.point[edge.key]}, is the {edge.side} that was tried; "
                "a better one may lie beyond"
                for edge in choice.edges
            ]
        return tuple(notes)


def at(arm: Arm, point: dict[str, Any], overrides: Sequence[Override]) -> Arm:
    """An arm at one point of the grid."""
    spelled = ",".join(f"{key}={spell(value)}" for key, value in point.items())
    label = ",".join(filter(None, [arm.label, spelled]))
    return Arm(label, {**arm.varied, **point}, (*arm.changes, *overrides))


def _budgets(tuned: Tuned) -> Iterator[str]:
    """A sentence where arms have not tried equally many points, for more of them find more."""
    tried: dict[int, list[str]] = {}
    for label, choice in tuned.choices.items():
        tried.setdefault(len(choice.table), []).append(label)
    if len(tried) > 1:
        each = "; ".join(f"{points:,} in {some(labels)}" for points, labels in sorted(tried.items(), reverse=True))
        yield f"the arms were not tuned with the same effort: points tried were {each}"


def tuned_arms(study: Study, tuned: Tuned, plugins: Sequence[Path]) -> tuple[Arm, ...]:
    """Each arm of the study as it is and, after it, at its best point unless that is what it is already."""
    both = []
    for arm in study.arms:
        both.append(arm)
        point = tuned.choices[arm.label].point
        changes = [Override(tuple(key.split(".")), value, "tune") for key, value in point.items()]
        best = at(arm, point, changes)
        as_it_is, at_best = experiments(study, [arm, best], [TUNING_SEEDS], plugins, repeats=True)
        if as_it_is[1].hash != at_best[1].hash:
            both.append(replace(best, label=tuned_label(arm.label), varied={**best.varied, "tuned": "yes"}))
    return tuple(both)


def _value(path: Path, metric: str) -> float | None:
    """What a tuning run ended with; None where it diverged."""
    result = reading.read_result(path)
    if result is None or result["status"] == "diverged":
        return None
    return float(result["final"][metric])
