"""``dltricks export``: a trained network for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import DataDir, Debug, Quiet, RunArgument, RunsDir

NAME = "export"


def command(
    run: RunArgument,
    onnx: Annotated[
        Path | None,
        typer.Option("--onnx", metavar="FILE", help="Write the whole network, scaling included.", show_default=False),
    ] = None,
    safetensors: Annotated[
        Path | None,
        typer.Option("--safetensors", metavar="FILE", help="Write the weights and the scaling.", show_default=False),
    ] = None,
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Write a trained network as ONNX or safetensors."""
    from dltricks.api.export import export
    from dltricks.cli.output import inert, write

    for path in export(run, onnx=onnx, safetensors=safetensors, runs_dir=runs_dir, data_dir=data_dir, quiet=quiet):
        write(f"wrote {inert(path)}, {path.stat().st_size:,} bytes")
