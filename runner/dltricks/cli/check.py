"""``dltricks check``: an experiment and its network, without training."""

from __future__ import annotations

from typing import Any

import typer

from dltricks.cli.options import DataDir, Debug, File, Format, FormatOption, Json, Overrides, Plugins, Quiet, chosen

NAME = "check"


def command(
    file: File,
    overrides: Overrides = None,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Validate a file and show its layers; train nothing."""
    from dltricks.api.check import check
    from dltricks.cli.tables import print_json, print_rows
    from dltricks.experiment.resolve import to_yaml

    found = check(file, overrides or [], data_dir=data_dir, plugins=plugin or [], quiet=quiet)
    format = chosen(format, json)
    total: dict[str, Any] = {"layer": "total", "output": ""}
    for column in ("parameters", "flops"):
        total[column] = sum(layer[column] for layer in found.layers)
    if format is Format.json:
        print_json(
            {
                "config": found.experiment.config,
                "hash": found.experiment.hash,
                "layers": found.layers,
                "total": {column: total[column] for column in ("parameters", "flops")},
                "samples": found.samples,
                "validation": found.validation,
                "steps": found.steps,
            }
        )
        return
    if format is Format.table:
        typer.echo(to_yaml(found.experiment.config))
    print_rows(found.layers, format, total=total)
    if format is Format.table:
        typer.echo(
            f"{found.samples:,} training and {found.validation:,} validation samples, {found.steps:,} steps an epoch; "
            "flops: forward pass, one sample"
        )
