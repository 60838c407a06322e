"""``dltricks average``: the averaged predictions of several runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import DataDir, Debug, Format, FormatOption, Json, Quiet, RunsDir, chosen

NAME = "average"


def command(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN", help="Runs: their folders, experiments' names, or ids.", show_default=False),
    ],
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Average the predictions of several runs.

    Prints the members with their mean and spread, the ensemble, and the difference.
    """
    from dltricks.api.average import average
    from dltricks.cli.output import write
    from dltricks.cli.tables import print_json, print_rows

    found = average(runs, runs_dir=runs_dir, data_dir=data_dir, quiet=quiet)
    format = chosen(format, json)
    if format is Format.json:
        print_json(
            {
                "part": found.part,
                "metric": found.metric,
                "members": [{"path": path, found.metric: score} for path, score in found.members],
                "mean": found.mean,
                "spread": found.spread,
                "ensemble": found.ensemble,
                "difference": found.difference,
            }
        )
        return
    name = f"{found.part}_{found.metric}"
    print_rows([{"run": path, name: score} for path, score in found.members], format)
    summary = {
        "members' mean": found.mean,
        "members' spread (sd)": found.spread,
        "ensemble": found.ensemble,
        "ensemble - mean": found.difference,
    }
    write("")
    print_rows([{"summary": label, name: value} for label, value in summary.items()], format)
