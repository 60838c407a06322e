"""``dltricks evaluate``: a run measured again from its stored weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dltricks.cli.options import DataDir, Debug, Format, FormatOption, Json, Quiet, RunArgument, RunsDir, chosen

if TYPE_CHECKING:
    from dltricks.api.evaluate import Evaluation

NAME = "evaluate"


def command(
    run: RunArgument,
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a run again, class by class."""
    from dltricks.api.evaluate import evaluate
    from dltricks.cli.output import say

    found = evaluate(run, runs_dir=runs_dir, data_dir=data_dir, quiet=quiet)
    _report(found, chosen(format, json))
    if found.changed:
        say(
            f"{', '.join(found.changed)} differ from what was recorded; another machine, numpy or BLAS computes "
            "other last bits (see env.json)"
        )


def _report(found: Evaluation, format: Format) -> None:
    from dltricks.cli.output import write
    from dltricks.cli.tables import print_json, print_rows

    if format is Format.json:
        print_json(
            {
                "path": str(found.run.path),
                "metrics": found.metrics,
                "recorded": found.recorded,
                "part": found.part,
                "per_class": found.per_class,
                "classes": found.classes,
                "confusion": None if found.confusion is None else found.confusion.tolist(),
            }
        )
        return
    metrics = [
        {"metric": name, "measured": value, "recorded": found.recorded.get(name)}
        for name, value in found.metrics.items()
    ]
    print_rows(metrics, format)
    if found.confusion is None:
        return
    write("")
    print_rows(found.per_class, format, title=f"Classes of the {found.part} part")
    write("")
    rows = [
        {"true \\ predicted": name, **dict(zip(found.classes, map(int, row), strict=True))}
        for name, row in zip(found.classes, found.confusion, strict=True)
    ]
    print_rows(rows, format, title="Confusion matrix")
