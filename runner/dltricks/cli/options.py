"""Arguments and options that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


@dataclass
class Settings:
    """What the whole command line is told once."""

    debug: bool = False


settings = Settings()


def _debug(value: bool) -> bool:
    settings.debug = value
    return value


class ExecutorName(StrEnum):
    """Who trains."""

    serial = "serial"
    processes = "processes"
    dask = "dask"


class Format(StrEnum):
    """How tables are printed."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    latex = "latex"
    json = "json"


def chosen(format: Format, json: bool) -> Format:
    """The format asked for by ``--format`` or ``--json``."""
    return Format.json if json else format


def _complete_overrides(incomplete: str) -> list[str]:
    """Keys while a key is typed, then the names that it takes."""
    from dltricks.core import registry
    from dltricks.experiment.settings import KEYS

    key, equals, value = incomplete.partition("=")
    if not equals:
        return [f"{name}=" for name in KEYS if name.startswith(key)]
    names = registry.names(key) if key in registry.KINDS else []
    return [f"{key}={name}" for name in names if name.startswith(value)]


File = Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="KEY=VALUE",
        help="Values laid over the file's, such as dropout=0.5 or optimizer.lr=1e-3.",
        show_default=False,
        autocompletion=_complete_overrides,
    ),
]
RunArgument = Annotated[
    Path,
    typer.Argument(
        metavar="RUN",
        help="A run's folder, its experiment's name, or its id.",
        show_default=False,
    ),
]
RunsDir = Annotated[Path, typer.Option("--runs-dir", metavar="DIR", help="Where run folders lie.")]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        help="Where data sets lie; before $DLTRICKS_DATA and the cache.",
        show_default=False,
    ),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin", metavar="FILE", help="A file with a trick of your own; may be repeated.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", callback=_debug, is_eager=True)]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print tables.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        help="Threads for large networks; results do not depend on it. By default all cores.",
        show_default=False,
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget earlier runs and train anew.")]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        metavar="N",
        help="Processes that train at once; results do not depend on it. By default one for each physical core.",
        show_default=False,
    ),
]
Executor = Annotated[
    ExecutorName | None,
    typer.Option(
        "--executor",
        help="Who trains: this process, processes on this machine, or a Dask cluster. By default what is faster here.",
        show_default=False,
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler", metavar="ADDRESS", help="Of a Dask cluster, such as tcp://host:8786.", show_default=False
    ),
]
MaxRuns = Annotated[int, typer.Option("--max-runs", metavar="N", help="Refuse a study of more runs than this.")]
PlanOnly = Annotated[bool, typer.Option("--plan", help="Show what would be trained, and train nothing.")]
Manifest = Annotated[
    Path | None,
    typer.Option(
        "--manifest", metavar="FILE", help="With --plan: write the plan for dltricks worker.", show_default=False
    ),
]
Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        metavar="CONDITION",
        help="Only runs of which it holds, such as 'dropout<0.5 and optimizer=adam'.",
        show_default=False,
    ),
]
Metric = Annotated[
    str | None,
    typer.Option(
        "--metric",
        metavar="NAME",
        help="What to compare, such as val_loss. By default the study's, else val_accuracy, val_loss for regression.",
        show_default=False,
    ),
]
At = Annotated[str, typer.Option("--at", metavar="EPOCH", help="What stands for a run: last, best, or epoch=N.")]
Baseline = Annotated[
    str | None,
    typer.Option(
        "--baseline",
        metavar="VARIANT",
        help="Compare with this one, such as dropout=0. By default the file's, else the neutral one, else the first.",
        show_default=False,
    ),
]
Margin = Annotated[
    float | None,
    typer.Option(
        "--margin",
        metavar="VALUE",
        help="The smallest difference that matters. By default the file's.",
        show_default=False,
    ),
]
Confidence = Annotated[float, typer.Option("--confidence", metavar="SHARE", help="Of all verdicts together.")]
Exploratory = Annotated[
    bool | None,
    typer.Option(
        "--exploratory/--no-exploratory",
        help="Whether some of many may be named falsely. By default where there are more than ten variants.",
        show_default=False,
    ),
]
Tasks = Annotated[
    str,
    typer.Option("--tasks", metavar="KEYS", help="Keys whose values are different problems, each with its baseline."),
]
