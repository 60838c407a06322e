"""``dltricks train``: all runs of an experiment file."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from dltricks.api.study import StudyResult

NAME = "train"


REPORT = ("dltricks.api.compare", "dltricks.cli.comparison_report", "rich.console", "rich.table")
"""What reporting a study loads."""


class Until(StrEnum):
    """When enough seeds are trained."""

    decided = "decided"


def command(
    file: File,
    overrides: Overrides = None,
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
    until: Annotated[
        Until | None,
        typer.Option("--until", help="Add seeds until the verdict on each arm is decided.", show_default=False),
    ] = None,
    max_seeds: Annotated[
        int | None,
        typer.Option(
            "--max-seeds",
            metavar="N",
            help="With --until: of each arm; by default those of the file, else 40.",
            show_default=False,
        ),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            "--budget",
            metavar="TIME",
            help="With --until: train no longer than this, such as 90s, 10m or 1.5h; tuning comes before.",
            show_default=False,
        ),
    ] = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train an experiment with all its combinations and seeds, or go on where it was interrupted.

    Values in a comma list are swept: dropout=0,0.2,0.5 seeds=10. A run that is finished already is reported, not
    trained again.
    """
    from dltricks.api.lab import Means, Silent, View
    from dltricks.api.train import check_until, train_study
    from dltricks.cli.ahead import Ahead
    from dltricks.cli.output import say
    from dltricks.core.errors import UsageError

    format = chosen(format, json)
    check_manifest(manifest, plan=plan, fresh=fresh)
    means = Means(runs_dir, data_dir, None if executor is None else executor.value, workers, scheduler, threads)
    common: dict[str, Any] = {"means": means, "plugins": plugin or [], "fresh": fresh, "max_runs": max_runs}
    check_until(until, max_seeds, budget)
    if until is not None:
        from dltricks.cli.until import plan_looks, train_looks

        if manifest is not None:
            raise UsageError("--manifest: which runs come after a look is not known before; leave it or --until out")
        if plan:
            plan_looks(file, overrides or [], max_seeds, budget, format, **common)
        else:
            judge(train_looks(file, overrides or [], max_seeds, budget, format, quiet=quiet, **common))
        return
    if plan:
        from dltricks.api.plan import plan_study
        from dltricks.cli.study_report import print_plan

        print_plan(plan_study(file, overrides or [], {}, manifest=manifest, quiet=quiet, **common), format)
        return
    display = None
    view: View = Silent(say)
    if not quiet:
        from dltricks.cli.progress import progress
        from dltricks.cli.study_progress import study_view

        display, view = progress(), study_view()
    try:
        result = train_study(
            file,
            overrides or [],
            {},
            quiet=quiet,
            hooks=[display] if display else [],
            view=Ahead(view, *REPORT),
            notify=say,
            **common,
        )
    finally:
        if display is not None:
            display.close()
    report(result, format, runs_dir)
    judge(result)


def check_manifest(manifest: Path | None, *, plan: bool, fresh: bool) -> None:
    """Refuses a manifest of what is not planned, or not as planned."""
    from dltricks.core.errors import UsageError

    if manifest is not None and not plan:
        raise UsageError("--manifest is written by --plan; add --plan, or leave it out")
    if manifest is not None and fresh:
        raise UsageError("--fresh: a worker goes on with what is there; leave it out, or remove those runs first")


def report(result: StudyResult, format: Format, runs_dir: Path) -> None:
    """Prints what came out: one run's metrics, or what a comparison says of the arms."""
    from dltricks.cli.run_report import entry_line, print_run
    from dltricks.cli.tables import print_json

    if format is Format.json:
        print_json([entry_line(entry) for entry in result.entries])
    elif not result.study.several:
        print_run(result.runs[0], format)
    elif result.runs:  # else nothing came out, and what failed is said
        from dltricks.api.compare import compare_study
        from dltricks.cli.comparison_report import print_comparison

        print_comparison(compare_study(result, runs_dir), format)


def judge(result: StudyResult, expected: Collection[str] | None = None) -> None:
    """Failures, divergence and missed expectations, each with a sentence.

    Args:
        result: of the training.
        expected: the labels of the arms of which the file expects something; by default all.
    """
    from dltricks.api.expectations import missed
    from dltricks.cli.run_report import divergence
    from dltricks.core.errors import DivergedError, ExpectationError

    result.require_all()
    diverged = [divergence(run) for run in result.runs if run.status == "diverged"]
    if diverged and len(diverged) == len(result.runs):  # among others it is a result like any other
        raise DivergedError("\n".join(diverged))
    misses = [
        sentence
        for entry in result.entries
        if expected is None or entry.arm.label in expected
        if entry.run is not None and entry.run.status != "diverged"
        for sentence in missed(entry.run, entry.experiment.expect)
    ]
    if misses:
        raise ExpectationError("\n".join(misses))
