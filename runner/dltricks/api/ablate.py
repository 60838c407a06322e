"""Which tricks of an experiment earn their place: without each of them, and a plain baseline with each of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dltricks.api.lab import ExecutorName, Lab, Means, Silent, View
from dltricks.api.session import MAX_RUNS, Overrides, PathLike, open_study, warn
from dltricks.api.study import StudyResult, run_study
from dltricks.core.errors import UsageError
from dltricks.experiment.ablation import ORIGIN, Ablation
from dltricks.experiment.ablation import ablate as arms_of
from dltricks.experiment.datafiles import at_home
from dltricks.experiment.overrides import Override, apply
from dltricks.experiment.study import Study, experiments

if TYPE_CHECKING:
    from dltricks.comparing.result import Comparison

SEEDS = 10
"""Runs of each arm where the file does not say: under six no verdict is possible, and with six it rarely comes."""


@dataclass(frozen=True)
class AblationResult:
    """The runs of an ablation and what they say of each trick."""

    trained: StudyResult
    comparison: Comparison | None = field(repr=False)
    """What its ``tricks`` are worth, with intervals and verdicts; None where no run has ended."""


def ablate(
    file: PathLike,
    overrides: Overrides = (),
    *,
    pairs: bool = False,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    executor: ExecutorName | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    threads: int | None = None,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    notify: Callable[[str], None] | None = None,
    **values: Any,
) -> AblationResult:
    """Trains the file without each of its tricks, and its plain form with each of them, all with the same seeds.

    Args:
        file: the experiment file, which must sweep nothing. Without `seeds` there are ten.
        overrides: values laid over the file's: ``["optimizer.lr=0.1"]`` or ``{"optimizer.lr": 0.1}``.
        pairs: whether to ask for the interaction of each two tricks as well.
        runs_dir: where run folders lie; those of the ablation lie below the experiment's name with ``-ablation``.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        fresh: whether to forget earlier runs and train anew.
        executor: ``serial``, ``processes`` or ``dask``; by default processes where they pay.
        workers: processes that train at once; by default one for each core.
        scheduler: the address of a Dask scheduler.
        threads: how many threads large networks use in each process; results do not depend on it.
        max_runs: a larger ablation is refused before anything is written.
        quiet: whether a download shows no progress bar.
        notify: is told warnings; by default they go to stderr.
        values: further values as arguments, such as ``dropout=0.5`` or ``seeds=10``.

    Raises:
        UsageError: a file without tricks, one that sweeps something, or anything that ``train`` would refuse.
        SomeFailedError: some runs failed; the others have ended.
        StoppedError: a signal ended training; the same call goes on.
    """
    data = None if data_dir is None else Path(data_dir)
    means = Means(at_home(Path(runs_dir)), data, executor, workers, scheduler, threads)
    result = ablate_study(
        file,
        overrides,
        values,
        pairs=pairs,
        means=means,
        plugins=plugins,
        fresh=fresh,
        max_runs=max_runs,
        quiet=quiet,
        notify=notify or warn,
    )
    result.trained.require_all()
    return result


def ablate_study(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    pairs: bool,
    means: Means,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    max_runs: int = MAX_RUNS,
    quiet: bool = True,
    view: View | None = None,
    notify: Callable[[str], None],
) -> AblationResult:
    """As ``ablate``, with a view, and failures as part of the result."""
    paths = [Path(plugin) for plugin in plugins]
    ablation, study = plan_ablation(file, overrides, values, pairs=pairs, plugins=paths, max_runs=max_runs)
    with Lab(means, view or Silent(notify), quiet) as lab:
        trained = run_study(study, lab, paths, fresh=fresh, most=max_runs, notify=notify, ablation=ablation)
    from dltricks.api.compare import compare_study  # statistics that a plan does not need

    return AblationResult(trained, compare_study(trained, means.runs_dir) if trained.runs else None)


def plan_ablation(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    pairs: bool,
    plugins: Sequence[Path],
    max_runs: int,
) -> tuple[Ablation, Study]:
    """The questions of an ablation, and the study that answers them.

    Raises:
        UsageError: a file without tricks, or one that sweeps something.
    """
    study = open_study(file, overrides, values, max_runs)
    if study.seeds is None:
        seed = study.document.value.get("seed")
        if ("seed",) in study.document.origins and not isinstance(seed, dict):
            message = f"an ablation trains every arm with several seeds; write seeds=[{seed}] for this one alone"
            raise UsageError(study.document.error(("seed",), message))
        study = open_study(file, overrides, {**values, "seeds": SEEDS}, max_runs)
    _, experiment = next(experiments(study, plugins=plugins))
    ablation = arms_of(study, experiment, pairs=pairs)
    assert study.seeds is not None
    runs = len(ablation.arms) * len(study.seeds)
    if runs > max_runs:
        arms = f"{len(ablation.arms):,} arms x {len(study.seeds):,} seeds"
        raise UsageError(
            f"{study.document.name}: the ablation has {runs:,} runs ({arms}), more than the {max_runs:,} of --max-runs"
        )
    name = Override(("name",), f"{experiment.name}-ablation", ORIGIN)
    return ablation, replace(study, arms=ablation.arms, document=apply(study.document, [name]))
