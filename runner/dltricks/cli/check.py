"""``dltricks check``: an experiment and its network, without training."""

from __future__ import annotations

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
    from dltricks.cli.output import write
    from dltricks.cli.tables import print_json, print_rows
    from dltricks.experiment.resolve import to_yaml

    found = check(file, overrides or [], data_dir=data_dir, plugins=plugin or [], quiet=quiet)
    format = chosen(format, json)
    total = {"parameters": found.parameters, "flops": found.flops}
    sizes = {"samples": found.samples, "validation": found.validation, "test": found.test, "steps": found.steps}
    if format is Format.json:
        config = found.experiment.config
        print_json({"config": config, "hash": found.experiment.hash, "layers": found.layers, "total": total, **sizes})
        return
    if format is Format.table:
        write(to_yaml(found.experiment.config))
    print_rows(found.layers, format, total={"layer": "total", "output": "", **total})
    if format is Format.table:
        write(
            f"\n{found.samples:,} training, {found.validation:,} validation and {found.test:,} test samples; "
            f"{found.steps:,} steps an epoch\nflops: forward pass of one sample"
        )
