"""``dltricks predict``: predictions of a run for new data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import DataDir, Debug, Format, Quiet, RunArgument

NAME = "predict"


def command(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="New data: .csv, .npy, or .npz with x.", show_default=False)],
    data_dir: DataDir = None,
    format: Annotated[Format, typer.Option("--format", help="How to print the predictions.")] = Format.csv,
    json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Predict new data, with the probability of each class."""
    from dltricks.api.predict import predict
    from dltricks.cli.tables import print_rows

    found = predict(run, file, data_dir=data_dir, quiet=quiet)
    print_rows(found.rows, Format.json if json else format)
