"""``dltricks init``: a commented experiment file to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import Debug

NAME = "init"


def command(
    file: Annotated[Path, typer.Argument(help="Where to write it.")] = Path("experiment.yaml"),
    debug: Debug = False,
) -> None:
    """Write a commented starter file."""
    from dltricks.api.init import init
    from dltricks.cli.tables import inert

    path = inert(init(file))
    typer.echo(f"wrote {path}\nnext: dltricks train {path}")
