"""One question: does a variant help, compared with another?"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dltricks.api.compare import count_test_samples, find_design
from dltricks.api.session import PathLike
from dltricks.comparing.baseline import choose_baseline
from dltricks.comparing.compare import Options, compare_design
from dltricks.comparing.design import Design, Variant
from dltricks.comparing.result import Comparison, Row
from dltricks.core.errors import UsageError
from dltricks.experiment.baseline import find_arm
from dltricks.experiment.datafiles import at_home
from dltricks.runs import files, study_file
from dltricks.statistics.judged import Judged


@dataclass(frozen=True)
class Verdict:
    """The verdict on one variant against a baseline, in words and numbers."""

    word: str
    """helps, hurts, equivalent, inconclusive."""
    text: str
    """Two sentences."""
    judged: Judged = field(repr=False)
    variant: Row = field(repr=False)
    baseline: Row = field(repr=False)
    comparison: Comparison = field(repr=False)
    """That the verdict is part of: of a study's arms, all of them, since p is adjusted for all."""


def verdict(
    a: PathLike,
    b: PathLike,
    *,
    runs_dir: PathLike = "runs",
    metric: str | None = None,
    at: str = "last",
    baseline: str | None = None,
    margin: float | None = None,
    confidence: float = 0.95,
) -> Verdict:
    """Whether one of two variants helps, compared with the other.

    Args:
        a: a folder or pattern of runs that differ only in seed, or an arm of a study below ``runs_dir``, by its label
            or by values that no other arm has: ``dropout=0.5``.
        b: likewise.
        runs_dir: where run folders lie: that of all studies, or of one.
        metric: what to compare; by default the study's, else val_accuracy, val_loss where it is no classification.
        at: which epoch stands for a run: ``last``, ``best``, or ``epoch=N``.
        baseline: which of the two the other is compared with, as ``a`` and ``b`` name it. By default the file's, else
            the neutral one, else ``a``.
        margin: the smallest difference that matters; by default the file's.
        confidence: 1 - alpha.

    Raises:
        UsageError: nothing, or several things, of these names.
    """
    names = str(a), str(b)
    if baseline is not None and str(baseline) not in names:
        near = difflib.get_close_matches(str(baseline), names, n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"--baseline: found {str(baseline)!r}, allowed: {names[0]} or {names[1]}{hint}")
    design, labels = _find(names, at_home(Path(runs_dir)))
    if baseline is not None:
        chosen, why = labels[names.index(str(baseline))], "as asked"
    else:
        chosen, why = choose_baseline([_named(design, label) for label in labels], None, design.baseline)
    options = Options(metric, at, chosen, margin, confidence, tasks=())
    found = compare_design(design, options, count_test_samples)
    other = labels[1] if chosen == labels[0] else labels[0]
    rows = {row.label: row for row in found.rows}
    judged = rows[other].verdict
    assert judged is not None
    return Verdict(
        judged.word, _sentences(rows[other], rows[chosen], judged, found, why), judged, rows[other], rows[chosen], found
    )


def _sentences(row: Row, base: Row, judged: Judged, found: Comparison, why: str) -> str:
    saying = {
        "helps": "helps",
        "hurts": "hurts",
        "equivalent": "is equivalent to the baseline",
        "inconclusive": "cannot be told from the baseline yet",
    }[judged.word]
    mine, theirs = _mean(row), _mean(base)
    numbers = f"{found.value} is {mine} on average, against {theirs} of the baseline {base.label or 'runs'} ({why})"
    return f"{row.label or 'The variant'} {saying}: {numbers}. {judged.reason}"


def _mean(row: Row) -> str:
    return "unknown" if row.mean is None else f"{row.mean:.4f}" if abs(row.mean) >= 0.01 else f"{row.mean:.4g}"


def _find(names: tuple[str, str], runs_dir: Path) -> tuple[Design, tuple[str, str]]:
    """What holds both variants, and their labels in it."""
    if any(_is_place(name) for name in names):
        return _by_place(names, runs_dir)
    found = []
    for design in _designs(runs_dir):
        try:
            labels = tuple(_label(name, design) for name in names)
        except UsageError:
            continue
        found.append((design, (labels[0], labels[1])))
    if not found:
        known = dict.fromkeys(variant.label for design in _designs(runs_dir) for variant in design.variants)
        near = {name: difflib.get_close_matches(name, list(known), n=1, cutoff=0.4) for name in names}
        hints = [f"did you mean {match[0]}?" for name, match in near.items() if match and name not in known]
        hint = f"; {' '.join(dict.fromkeys(hints))}" if hints else ""
        raise UsageError(f"{names[0]} and {names[1]}: no study below {runs_dir} has both of these arms{hint}")
    if len(found) > 1:
        studies = ", ".join(sorted(design.study or "one without study.json" for design, _ in found)[:5])
        raise UsageError(
            f"{names[0]} and {names[1]}: {len(found)} studies have both of these arms ({studies}); "
            f"name one with --runs-dir {runs_dir}/NAME"
        )
    design, labels = found[0]
    if labels[0] == labels[1]:
        raise UsageError(f"{names[0]} and {names[1]}: both are {labels[0] or 'the same runs'}")
    return design, labels


def _is_place(name: str) -> bool:
    return Path(name).is_dir() or any(c in name for c in "*?/\\")


def _by_place(names: tuple[str, str], runs_dir: Path) -> tuple[Design, tuple[str, str]]:
    """The runs at two places as one design, each of them one variant."""
    designs = []
    for name in names:
        if not _is_place(name):
            raise UsageError(f"{name}: is no folder, and the other is; name both by folders, or both by values")
        design = find_design([name], runs_dir)
        if len(design.variants) != 1:
            some = ", ".join(variant.label for variant in design.variants[:5])
            what = f"holds {len(design.variants)} variants ({some}), and one is needed here"
            raise UsageError(f"{name}: {what}; name one of them")
        designs.append(design)
    together = find_design(names, runs_dir)
    at = {sample.entry.path: variant.label for variant in together.variants for sample in variant.samples}
    labels = [at.get(design.variants[0].samples[0].entry.path) for design in designs]
    if None in labels or labels[0] == labels[1]:
        raise UsageError(f"{names[0]} and {names[1]}: these runs differ in nothing but their seeds")
    return together, (str(labels[0]), str(labels[1]))


def _designs(runs_dir: Path) -> Iterator[Design]:
    """What may hold both: the study that the folder is of, else each study in it, else all runs below it."""
    if study_file.load(runs_dir) is not None:
        yield find_design([runs_dir], runs_dir)
        return
    studies = [name for name in files.names(runs_dir) if (runs_dir / name / study_file.NAME).is_file()]
    for name in studies:
        yield find_design([runs_dir / name], runs_dir)
    if not studies:
        yield find_design([runs_dir], runs_dir)


def _label(name: str, design: Design) -> str:
    return find_arm(name, {variant.label: variant.varied for variant in design.variants})


def _named(design: Design, label: str) -> Variant:
    return next(variant for variant in design.variants if variant.label == label)
