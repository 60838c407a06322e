"""``dltricks lr-find``: a learning-rate range test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dltricks.cli.options import (
    DataDir,
    Debug,
    File,
    Format,
    FormatOption,
    Json,
    Overrides,
    Plugins,
    Quiet,
    Threads,
    chosen,
)

if TYPE_CHECKING:
    from dltricks.api.lr_find import RangeTest

NAME = "lr-find"
_HEIGHT = 12


def command(
    file: File,
    overrides: Overrides = None,
    low: Annotated[float, typer.Option("--low", help="First learning rate.")] = 1e-6,
    high: Annotated[float, typer.Option("--high", help="Last learning rate.")] = 10.0,
    steps: Annotated[int, typer.Option("--steps", help="Steps from the first to the last.")] = 200,
    data_dir: DataDir = None,
    plugin: Plugins = None,
    threads: Threads = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Suggest a learning rate by a range test; write nothing."""
    from dltricks.api.lr_find import lr_find
    from dltricks.cli.tables import print_json, print_rows

    found = lr_find(
        file,
        overrides or [],
        low=low,
        high=high,
        steps=steps,
        data_dir=data_dir,
        plugins=plugin or [],
        threads=threads,
        quiet=quiet,
    )
    format = chosen(format, json)
    finite = [(r, s, float(v)) for r, s, v in zip(found.rates, found.smoothed, found.losses, strict=True) if v - v == 0]
    rows = [{"lr": float(rate), "loss": loss, "smoothed": float(smoothed)} for rate, smoothed, loss in finite]
    if format is Format.json:
        print_json({"suggestion": found.suggestion, "curve": rows})
        return
    if format is Format.table:
        typer.echo(_curve(found))
    else:
        print_rows(rows, format)
    if found.suggestion is None:
        typer.echo("no suggestion: the loss never fell; try another range with --low and --high")
    else:
        typer.echo(f"suggestion: optimizer.lr={found.suggestion:.2g} (where the smoothed loss falls fastest)")


def _curve(found: RangeTest) -> str:
    """The smoothed loss over the logarithm of the rate, as characters; the suggestion is marked below."""
    import numpy as np

    from dltricks.cli.tables import console

    losses = np.where(np.isfinite(found.smoothed), found.smoothed, np.nanmax(found.smoothed))
    width = min(len(losses), console().width - 12, 100)
    at = np.linspace(0, len(losses) - 1, width).round().astype(int)
    low, high = float(losses.min()), float(losses.max())
    levels = np.round((losses[at] - low) / (high - low or 1.0) * (_HEIGHT - 1)).astype(int)
    lines = []
    for level in range(_HEIGHT - 1, -1, -1):
        label = f"{low + (high - low) * level / (_HEIGHT - 1):9.4g}" if level % 4 == 3 or level == 0 else " " * 9
        lines.append(f"{label} │" + "".join("●" if level == value else " " for value in levels).rstrip())
    lines.append(" " * 10 + "└" + "─" * width)
    begin, end = f"{found.rates[0]:.1g}", f"{found.rates[at[-1]]:.2g}"
    lines.append(" " * 11 + begin + " " * max(1, width - len(begin) - len(end)) + end)
    if found.suggestion is not None:
        column = int(np.abs(np.log(found.rates[at]) - np.log(found.suggestion)).argmin())
        lines.append(" " * (11 + column) + "▲")
    return "\n".join(lines)
