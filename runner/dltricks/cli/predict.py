"""``dltricks predict``: predictions of a run for new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import DataDir, Debug, Format, Json, Quiet, RunArgument, RunsDir, chosen

NAME = "predict"


def command(
    run: RunArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="New data: .csv, .npy, or .npz with x.", show_default=False)
    ],
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    format: Annotated[Format, typer.Option("--format", help="How to print the predictions.")] = Format.csv,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict new data, with the probability of each class."""
    from dltricks.api.predict import predict
    from dltricks.cli.tables import print_rows

    found = predict(run, file, runs_dir=runs_dir, data_dir=data_dir, quiet=quiet)
    print_rows(found.rows, chosen(format, json))
