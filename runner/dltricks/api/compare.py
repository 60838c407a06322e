"""Compares runs: which variants help, by how much, and whether the difference is real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dltricks.api.places import find_places
from dltricks.api.where import select
from dltricks.comparing.compare import Options, compare_design
from dltricks.comparing.design import Design, Plan, design
from dltricks.comparing.result import Comparison
from dltricks.comparing.tasks import TASK_KEYS
from dltricks.core.errors import DamagedError
from dltricks.runs import reading, study_file
from dltricks.runs.entry import Entry, read_entry
from dltricks.runs.index import scan, studies
from dltricks.runs.names import Folders

if TYPE_CHECKING:  # what trains is not loaded to read what was trained
    from dltricks.api.session import PathLike
    from dltricks.api.study import StudyResult


def compare(
    *places: PathLike,
    runs_dir: PathLike = "runs",
    where: str | None = None,
    metric: str | None = None,
    at: str = "last",
    baseline: str | None = None,
    margin: float | None = None,
    confidence: float = 0.95,
    pairs: bool = False,
    equal_variances: bool = False,
    effect_size: bool = False,
    exploratory: bool | None = None,
    target: float | None = None,
    tasks: Sequence[str] = TASK_KEYS,
) -> Comparison:
    """Finds the keys in which runs differ, groups those that differ only in seed, and judges each group.

    Args:
        places: folders of runs, of studies, or of single runs, or patterns of them, from here or below ``runs_dir``;
            by default ``runs_dir`` itself.
        runs_dir: where run folders lie.
        where: a condition on the runs, such as ``dropout<0.5 and optimizer=adam``; see ``api.where``.
        metric: what to compare; by default the study's, else val_accuracy, val_loss where it is no classification.
        at: which epoch stands for a run: ``last``, ``best``, or ``epoch=N``.
        baseline: with what to compare: a variant, or values that no other has. By default the file's, else the neutral
            variant, else the first.
        margin: the smallest difference that matters; by default the file's.
        confidence: 1 - alpha of all verdicts together.
        pairs: whether to judge every two variants.
        equal_variances: whether all spreads are declared equal; then Dunnett's procedure judges.
        effect_size: whether to give Hedges' g.
        exploratory: whether it is an exploration (Benjamini and Hochberg); by default where there are more than ten.
        target: of the times to a target; by default the baseline's mean.
        tasks: keys whose values are different problems, each with a baseline of its own.

    Raises:
        UsageError: no runs there, or options that do not fit them.
    """
    options = Options(
        metric, at, baseline, margin, confidence, pairs, equal_variances, effect_size, exploratory, target, tuple(tasks)
    )
    return compare_design(find_design(places, runs_dir, where), options, count_test_samples)


def compare_study(result: StudyResult, runs_dir: Path) -> Comparison:
    """What has come out of a study that was just trained: the same as ``compare`` says of its folder later.

    Raises:
        UsageError: none of its runs is there.
    """
    folder = runs_dir / result.entries[0].experiment.name
    paths = dict.fromkeys(entry.path for entry in result.entries)
    entries = [read_entry(path) for path in paths if path.is_dir()]
    return compare_design(design(entries, _plan(folder)), Options(), count_test_samples)


def find_design(places: Sequence[PathLike], runs_dir: PathLike = "runs", where: str | None = None) -> Design:
    """The variants at some places; of a study's folder also the runs that it planned and that lie elsewhere.

    Raises:
        UsageError: no runs there, or a condition that is none.
    """
    found = find_places(places, runs_dir)
    entries = scan(found)
    plans = studies(entries)
    for folder in found:
        if folder not in plans and (folder / study_file.NAME).is_file():  # all its runs lie elsewhere
            plans |= _plan(folder)
    known = {entry.id for entry in entries}
    for folder, plan in plans.items():
        if isinstance(plan, DamagedError) or folder not in found:
            continue
        absent = [run["hash"] for run in plan["runs"] if run["hash"][:12] not in known]
        if absent:
            folders = Folders(folder.parent, folder.name)
            paths = [path for config_hash in absent if (path := folders.find(config_hash)) is not None]
            entries += [read_entry(path) for path in paths]
    return design(entries if where is None else select(entries, where), plans)


def _plan(folder: Path) -> dict[Path, Plan | DamagedError]:
    try:
        plan = study_file.load(folder)
    except DamagedError as error:
        return {folder: error}
    return {} if plan is None else {folder: plan}


def count_test_samples(entry: Entry) -> int | None:
    """The size of a run's test set; None where its folder does not say."""
    try:
        result = reading.read_result(entry.path) or {}
    except DamagedError:
        return None
    samples = result.get("samples")
    count = samples.get("test") if isinstance(samples, dict) else None
    return count if isinstance(count, int) and count > 0 else None
