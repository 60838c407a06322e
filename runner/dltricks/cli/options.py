"""Options that several commands share, and what they set."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
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


class Format(str, Enum):
    """How tables are printed."""

    table = "table"
    markdown = "markdown"
    csv = "csv"
    json = "json"


File = Annotated[Path, typer.Argument(help="Experiment file (YAML).", show_default=False)]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(help="key=value or key.sub=value, such as dropout=0.5 or optimizer.lr=1e-3.", show_default=False),
]
RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.", show_default=False)]
RunsDir = Annotated[Path, typer.Option("--runs-dir", help="Where run folders lie.")]
DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="Where data sets lie; before $DLTRICKS_DATA and the cache.", show_default=False),
]
Plugins = Annotated[
    list[Path] | None,
    typer.Option("--plugin", help="A file with a trick of your own; may be repeated.", show_default=False),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress on stderr.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show tracebacks.", callback=_debug, is_eager=True)]
FormatOption = Annotated[Format, typer.Option("--format", help="How to print tables.")]
Json = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
Threads = Annotated[
    int | None,
    typer.Option("--threads", min=1, help="Threads for large networks; results do not depend on it.", show_default="cores"),
]


def chosen(format: Format, json: bool) -> Format:
    """The format asked for by ``--format`` or ``--json``."""
    return Format.json if json else format
