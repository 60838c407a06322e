"""From run folders to the answer: which variants help, by how much, and whether the difference is real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dltricks.comparing import judging, tasks
from dltricks.comparing.baseline import choose_baseline
from dltricks.comparing.design import Design, Variant
from dltricks.comparing.judging import Question
from dltricks.comparing.metric import At, choose_metric, is_test
from dltricks.comparing.result import Comparison, Overall, Row
from dltricks.comparing.tricks import judge_tricks
from dltricks.core.errors import UsageError
from dltricks.experiment.tuning import larger_is_better
from dltricks.runs.entry import Entry
from dltricks.statistics.comparison import Arm
from dltricks.statistics.equivalence import checked_margin
from dltricks.statistics.judged import Judged
from dltricks.statistics.student import tail


@dataclass(frozen=True)
class Options:
    """What a user may ask of a comparison; see ``dltricks.compare``."""

    metric: str | None = None
    at: str = "last"
    baseline: str | None = None
    margin: float | None = None
    confidence: float = 0.95
    pairs: bool = False
    equal_variances: bool = False
    effect_size: bool = False
    exploratory: bool | None = None
    target: float | None = None
    tasks: tuple[str, ...] = tasks.TASK_KEYS


def compare_design(design: Design, options: Options, test_samples: Callable[[Entry], int | None]) -> Comparison:
    """The comparison of what there is.

    Args:
        design: variants and what was planned.
        options: of the user.
        test_samples: the size of the test set of a run, where its folder says it.

    Raises:
        UsageError: nothing to compare, or options that do not fit it.
    """
    variants = [variant for variant in design.variants if variant.samples]
    if not variants:
        raise UsageError("there is no run to compare" + _left_out(design.left_out))
    at = At.parse(options.at)
    ended = [sample.entry for variant in variants for sample in variant.finished]
    metric = choose_metric(ended, options.metric, design.metric)
    if is_test(metric) and options.at != "last":
        raise UsageError(f"--at: {metric} is measured once, with the stored weights; leave it out")
    if at.kind == "epoch" and ended and max(entry.epochs for entry in ended) < at.epoch:
        longest = max(entry.epochs for entry in ended)
        raise UsageError(f"--at: found epoch={at.epoch}, but no run is longer than {longest} epochs")
    margin = design.margin if options.margin is None else options.margin
    tail(options.confidence)
    question = Question(
        metric,
        at,
        larger_is_better(metric),
        None if margin is None else checked_margin(margin),
        options.confidence,
        options.pairs,
        options.equal_variances,
        options.effect_size,
        options.exploratory,
        test_samples=test_samples(ended[0]) if ended and is_test(metric) else None,
    )
    groups = tasks.split(variants, options.tasks)
    baseline, why = _baseline(groups, options.baseline, design.baseline)
    arms = {task: {each.label: judging.arm(each, question) for each in mine} for task, mine in groups.items()}
    bases = {task: mine[baseline] for task, mine in arms.items()}
    target, target_is = judging.target(next(iter(bases.values())), question, options.target)
    if len(variants) == 1 and options.target is None and target is not None:
        target_is = "the mean of these runs"
    if len(groups) > 1 and options.target is None:
        target, target_is = None, "the mean of each task's baseline" if not is_test(metric) else ""
    # An ablation asks its own questions, unless the user asks others.
    ablation = bool(design.contrasts) and "" in arms and options.baseline is None and not options.pairs
    number = sum(map(len, groups.values())) - len(groups)
    if ablation and options.target is None and target is not None:
        target_is = f"the mean of {baseline}"  # nothing else is compared with it
    exploratory = judging.explores(0 if ablation else number, question)
    found: list[dict[str, Judged]] = [{} for _ in groups]
    pairs: list[Judged] = []
    if not ablation:
        found, pairs = judging.verdicts(
            [(bases[task], list(mine.values())) for task, mine in arms.items()], question, exploratory
        )
    rows: list[Row] = []
    for (task, mine), judged in zip(groups.items(), found, strict=True):
        own = judging.target(bases[task], question, options.target)[0]
        asked = replace(question, target=own)
        rows += [judging.row(each, arms[task][each.label], bases[task], judged.get(each.label), asked) for each in mine]
    over: tuple[Overall, ...] = ()
    thresholds, scores = np.empty(0), ""
    if len(groups) > 1:
        over, thresholds, scores = tasks.overall(
            {task: list(mine.values()) for task, mine in arms.items()},
            bases,
            larger_is_better=question.larger_is_better,
            accuracy=metric.endswith("accuracy"),
            confidence=question.confidence,
        )
    tricks = judge_tricks(design.contrasts, arms[""], question, exploratory) if ablation else ()
    return Comparison(
        metric=metric,
        at="stored" if is_test(metric) else str(at),
        value=at.words(metric),
        larger_is_better=question.larger_is_better,
        baseline=baseline,
        baseline_is=why,
        margin=question.margin,
        confidence=question.confidence,
        exploratory=exploratory,
        target=target,
        target_is=target_is,
        rows=tuple(rows),
        pairs=tuple(pairs),
        tricks=tricks,
        overall=over,
        thresholds=thresholds,
        scores=scores,
        study=design.study,
        left_out=design.left_out,
        damaged=design.damaged,
        notes=(*design.notes, *_notes(groups, arms, bases, question)),
    )


def _baseline(groups: Mapping[str, Sequence[Variant]], wanted: str | None, declared: str | None) -> tuple[str, str]:
    """One label for all tasks: the variant that stands for the baseline in each of them."""
    label, why = choose_baseline(next(iter(groups.values())), wanted, declared)
    for task, mine in groups.items():
        if not any(each.label == label for each in mine):
            raise UsageError(f"the task {task} has no runs of the baseline {label!r}; name another with --baseline")
    return label, why


def _notes(
    groups: Mapping[str, Sequence[Variant]],
    arms: Mapping[str, Mapping[str, Arm]],
    bases: Mapping[str, Arm],
    question: Question,
) -> list[str]:
    """What the table does not say by itself."""
    notes = []
    for task, mine in groups.items():
        where = f"{task}: " if task else ""
        base = bases[task]
        for each in mine:
            own = arms[task][each.label]
            name = f"{where}{each.label or 'runs'}"
            without = len(each.finished) - len(own.values)
            if without:
                what = question.at.words(question.metric)
                notes.append(f"{name}: {without} finished runs have no {what}, and are not in the mean")
            if not each.finished and not own.diverged:
                notes.append(f"{name}: no run has ended")
            elif own is not base and not own.planned & base.planned and own.planned and base.planned:
                notes.append(f"{name}: shares no seed with the baseline, so that the runs are not paired")
            elif own is not base and own.planned != base.planned:
                notes.append(f"{name}: other seeds than the baseline were planned, so that the runs are not paired")
    if len(groups) == 1:
        datasets = {repr(each.config.get("dataset")) for each in groups[""] if each.config}
        if len(datasets) > 1:
            notes.append("these runs were trained on different data, so that a difference may be the data's")
    return notes


def summary(judged: Judged) -> str:
    """A verdict in a few words, as tables have it."""
    if judged.word != "inconclusive" or judged.more_seeds is None:
        return judged.word
    return f"inconclusive (needs about {judged.more_seeds:,} more seed{'s' * (judged.more_seeds != 1)})"


def _left_out(left_out: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in left_out.items())
    return f" (left out: {reasons})" if reasons else ""
