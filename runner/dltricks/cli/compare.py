"""``dltricks compare``: which variants help, by how much, and whether the difference is real."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import (
    At,
    Baseline,
    Confidence,
    Debug,
    Exploratory,
    Format,
    FormatOption,
    Json,
    Margin,
    Metric,
    RunsDir,
    Tasks,
    Where,
    chosen,
)

NAME = "compare"


def command(
    places: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PLACE",
            help="Folders of runs, of studies or of single runs, or patterns of them; by default --runs-dir.",
            show_default=False,
        ),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    where: Where = None,
    metric: Metric = None,
    at: At = "last",
    baseline: Baseline = None,
    margin: Margin = None,
    confidence: Confidence = 0.95,
    pairs: Annotated[bool, typer.Option("--pairs", help="Also judge every two variants.")] = False,
    equal_variances: Annotated[
        bool, typer.Option("--equal-variances", help="Declare all spreads equal; Dunnett's procedure judges then.")
    ] = False,
    effect_size: Annotated[bool, typer.Option("--effect-size", help="Also show Hedges' g.")] = False,
    exploratory: Exploratory = None,
    target: Annotated[
        float | None,
        typer.Option(
            "--target", metavar="VALUE", help="Count epochs to this value.", show_default="the baseline's mean"
        ),
    ] = None,
    tasks: Tasks = "dataset",
    plot: Annotated[bool, typer.Option("--plot", help="Also draw the mean curves with their bands here.")] = False,
    save: Annotated[
        Path | None,
        typer.Option("--save", metavar="FILE", help="Draw them into a .svg or .png file.", show_default=False),
    ] = None,
    format: FormatOption = Format.table,
    json: Json = False,
    debug: Debug = False,
) -> None:
    """Say which variants help, by how much, and whether the difference is real.

    Runs that differ only in seed are one variant. Nothing is trained.
    """
    from dltricks.api.places import find_places
    from dltricks.core.errors import UsageError
    from dltricks.runs import survey

    if plot and chosen(format, json) is not Format.table:
        raise UsageError("--plot draws for people; leave it out, or --format")
    if save is not None:  # before ten thousand runs are read
        from dltricks.comparing.figure import check_name

        check_name(save)
    survey.begin(find_places(places or [], runs_dir))
    # While it looks, all that comparing needs is loaded.
    from dltricks.api.compare import compare
    from dltricks.cli import curve_plot
    from dltricks.cli.comparison_report import print_comparison
    from dltricks.cli.output import say
    from dltricks.cli.tables import console

    found = compare(
        *(places or []),
        runs_dir=runs_dir,
        where=where,
        metric=metric,
        at=at,
        baseline=baseline,
        margin=margin,
        confidence=confidence,
        pairs=pairs,
        equal_variances=equal_variances,
        effect_size=effect_size,
        exploratory=exploratory,
        target=target,
        tasks=tuple(key for key in tasks.split(",") if key),
    )
    format = chosen(format, json)
    print_comparison(found, format)
    if plot:
        screen = console()
        screen.print()
        for line in curve_plot.plot(found, screen.width):
            screen.print(line, no_wrap=True, overflow="crop")
    if save is not None:
        found.save(save)
        say(f"the curves are drawn in {save}")
