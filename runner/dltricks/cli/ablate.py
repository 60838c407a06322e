"""``dltricks ablate``: which tricks of a file earn their place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from dltricks.cli.options import (
    DataDir,
    Debug,
    Executor,
    File,
    Format,
    FormatOption,
    Fresh,
    Json,
    Manifest,
    MaxRuns,
    Overrides,
    PlanOnly,
    Plugins,
    Quiet,
    RunsDir,
    Scheduler,
    Threads,
    Workers,
    chosen,
)

NAME = "ablate"


def command(
    file: File,
    overrides: Overrides = None,
    pairs: Annotated[bool, typer.Option("--pairs", help="Also ask how each two tricks work together.")] = False,
    plan: PlanOnly = False,
    manifest: Manifest = None,
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    plugin: Plugins = None,
    fresh: Fresh = False,
    workers: Workers = None,
    executor: Executor = None,
    scheduler: Scheduler = None,
    threads: Threads = None,
    max_runs: MaxRuns = 10_000,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train a file without each of its tricks in turn, and its plain form with each of them in turn.

    Every arm has the same seeds: those of the file or of seeds=N, else ten.
    """
    from dltricks.api.ablate import ablate_study
    from dltricks.api.lab import Means
    from dltricks.cli.comparison_report import print_comparison
    from dltricks.cli.output import say
    from dltricks.cli.train import check_manifest, judge
    from dltricks.experiment.ablation import AS_IT_STANDS
    from dltricks.experiment.arm import tuned_label

    format = chosen(format, json)
    check_manifest(manifest, plan=plan, fresh=fresh)
    means = Means(runs_dir, data_dir, None if executor is None else executor.value, workers, scheduler, threads)
    common: dict[str, Any] = {"means": means, "plugins": plugin or [], "fresh": fresh, "max_runs": max_runs}
    common |= {"pairs": pairs, "quiet": quiet}
    if plan:
        from dltricks.api.plan import plan_study
        from dltricks.cli.study_report import print_plan

        print_plan(plan_study(file, overrides or [], {}, ablate=True, manifest=manifest, **common), format)
        return
    view = None
    if not quiet:
        from dltricks.cli.study_progress import study_view

        view = study_view()
    result = ablate_study(file, overrides or [], {}, view=view, notify=say, **common)
    if result.comparison is not None:  # else nothing came out, and what failed is said
        print_comparison(result.comparison, format)
    # What the file expects of its tricks, it does not expect without them.
    judge(result.trained, expected=[AS_IT_STANDS, tuned_label(AS_IT_STANDS)])
