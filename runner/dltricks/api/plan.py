"""What a training would do, without doing it: runs, stacks, what is done already, and how long the rest will take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dltricks.api.ablate import plan_ablation
from dltricks.api.lab import Lab, Means, Silent
from dltricks.api.session import MAX_RUNS, Overrides, PathLike, open_study
from dltricks.api.study import next_work, plan_of, save
from dltricks.core.errors import UsageError
from dltricks.execution import manifest as manifests
from dltricks.execution.packing import Plan
from dltricks.experiment.datafiles import at_home


def plan(
    file: PathLike,
    overrides: Overrides = (),
    *,
    ablate: bool = False,
    pairs: bool = False,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    plugins: Sequence[PathLike] = (),
    workers: int | None = None,
    max_runs: int = MAX_RUNS,
    manifest: PathLike | None = None,
    quiet: bool = True,
    **values: Any,
) -> Plan:
    """Plans a training, or an ablation.

    Where the experiment tunes and its choices are not made yet, it is the tuning that is planned.

    Args:
        file: the experiment file.
        overrides: values laid over the file's: ``["optimizer.lr=0.1", "dropout=0,0.5"]`` or ``{"optimizer.lr": 0.1}``.
        ablate: whether to plan what ``ablate`` would train, and not ``train``.
        pairs: of an ablation, whether it asks for the interaction of each two tricks as well.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        plugins: files with tricks of the user's own.
        workers: processes that train at once; by default one for each core.
        max_runs: a larger study is refused.
        manifest: where to write the plan for ``worker``; study.json is then written as well.
        quiet: whether a download shows no progress bar.
        values: further values as arguments, such as ``dropout=0.5`` or ``seeds=10``.

    Raises:
        UsageError, DamagedError: as ``train`` or ``ablate`` would.
    """
    means = Means(at_home(Path(runs_dir)), None if data_dir is None else Path(data_dir), workers=workers)
    return plan_study(
        file,
        overrides,
        values,
        ablate=ablate,
        pairs=pairs,
        means=means,
        plugins=plugins,
        max_runs=max_runs,
        manifest=manifest,
        quiet=quiet,
    )


def plan_study(
    file: PathLike,
    overrides: Overrides,
    values: dict[str, Any],
    *,
    means: Means,
    ablate: bool = False,
    pairs: bool = False,
    plugins: Sequence[PathLike] = (),
    fresh: bool = False,
    max_runs: int = MAX_RUNS,
    manifest: PathLike | None = None,
    quiet: bool = True,
) -> Plan:
    """As ``plan``, for given means."""
    paths, ablation = [Path(plugin) for plugin in plugins], None
    if ablate:
        ablation, study = plan_ablation(file, overrides, values, pairs=pairs, plugins=paths, max_runs=max_runs)
    elif pairs:
        raise UsageError("pairs are asked for by an ablation; write ablate=True, or leave them out")
    else:
        study = open_study(file, overrides, values, max_runs)
    with Lab(means, Silent(_ignore), quiet) as lab:
        work = next_work(study, lab, paths, fresh=fresh, most=max_runs, ablation=ablation)
        found = plan_of(work, lab, fresh=fresh)
    if manifest is not None:
        if work.kind != "tuning" and study.several:
            save(work, means.runs_dir)
        manifests.save(Path(manifest), found)
    return found


def _ignore(message: str) -> None:
    """Nothing is trained that could be told of."""
