"""``dltricks init``: a commented experiment file to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import Debug

NAME = "init"


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")] = Path("experiment.yaml"),
    debug: Debug = False,
) -> None:
    """Write a commented starter file."""
    from dltricks.api.init import init
    from dltricks.cli.output import inert, write

    path = inert(init(file))
    write(f"wrote {path}\nnext: dltricks train {shlex.quote(path)}")
