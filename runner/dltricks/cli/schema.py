"""``dltricks schema``: the JSON schema of experiment files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from dltricks.cli.options import Debug, Plugins

NAME = "schema"


def command(
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to a file instead of stdout.", show_default=False),
    ] = None,
    plugin: Plugins = None,
    debug: Debug = False,
) -> None:
    """Write the JSON schema of experiment files, for editors."""
    import json

    from dltricks.api.schema import schema
    from dltricks.cli.output import write
    from dltricks.runs import files

    text = json.dumps(schema(plugins=plugin or []), indent=2, ensure_ascii=False)
    if output is None:
        write(text)
    else:
        files.write_atomically(files.output(output), f"{text}\n".encode())
