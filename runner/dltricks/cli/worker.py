"""``dltricks worker``: one stack of a plan, for array jobs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import Debug, Format, FormatOption, Json, Quiet, Threads, chosen

NAME = "worker"


def command(
    manifest: Annotated[
        Path, typer.Option("--manifest", metavar="FILE", help="What train --plan --manifest wrote.", show_default=False)
    ],
    index: Annotated[
        int, typer.Option("--index", metavar="N", help="Number of the stack, from 0.", show_default=False)
    ],
    threads: Threads = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train one stack of a plan, or go on where it was interrupted; a job of a cluster's array does this."""
    from dltricks.api.worker import worker
    from dltricks.cli.output import say
    from dltricks.cli.tables import print_json, print_rows

    view = None
    if not quiet:
        from dltricks.cli.study_progress import study_view

        view = study_view()
    runs = worker(manifest, index, threads=threads, quiet=quiet, view=view, notify=say)
    format = chosen(format, json)
    if format is Format.json:
        print_json([{**run.result, "path": str(run.path)} for run in runs])
    else:
        print_rows(
            [{"run": str(run.path), "status": run.status, "epochs": run.result["epochs"]} for run in runs], format
        )
