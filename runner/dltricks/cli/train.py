"""``dltricks train``: a run from an experiment file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    RunsDir,
    Threads,
    chosen,
)

if TYPE_CHECKING:
    from dltricks.api.session import Run

NAME = "train"


def command(
    file: File,
    overrides: Overrides = None,
    runs_dir: RunsDir = Path("runs"),
    data_dir: DataDir = None,
    plugin: Plugins = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget an earlier run and train anew.")] = False,
    threads: Threads = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Train an experiment, or go on where it was interrupted.

    A run that is finished already is reported, not trained again.
    """
    from dltricks.api.train import train
    from dltricks.cli.tables import inert

    display = None
    if not quiet:
        from dltricks.cli.progress import progress

        display = progress()
    try:
        runs = train(
            file,
            overrides or [],
            runs_dir=runs_dir,
            data_dir=data_dir,
            plugins=plugin or [],
            fresh=fresh,
            threads=threads,
            quiet=quiet,
            hooks=[display] if display else [],
            notify=lambda message: typer.echo(f"dltricks: {inert(message)}", err=True),
        )
    finally:
        if display is not None:
            display.close()
    _report(runs, chosen(format, json))
    _exit(runs)


def _report(runs: list[Run], format: Format) -> None:
    from dltricks.cli.tables import console, inert, print_json, print_rows

    if format is Format.json:
        print_json([{**run.result, "path": str(run.path)} for run in runs])
        return
    for run in runs:
        print_rows(_rows(run), format)
        if format is not Format.table:
            continue
        screen = console()
        folder = inert(run.path)
        state = "finished before" if run.reused else run.status
        screen.print(f"{state}, in {folder}", soft_wrap=True, markup=False)
        if run.status == "finished":
            screen.print(f"next: dltricks evaluate {folder}", style="dim", soft_wrap=True, markup=False)


def _rows(run: Run) -> list[dict[str, Any]]:
    """The metrics of the last epoch and of the best, and the test metrics beside the epoch whose weights are stored."""
    restored = run.config["early_stopping"].get("restore_best", False)
    columns: dict[str, dict[str, Any]] = {}
    for name, line in (("last", run.result["final"]), ("best", run.result["best"])):
        if line:
            stored = ", stored" if (name == "best") == restored else ""
            test = run.result["test"] or {} if stored else {}
            columns[f"{name} (epoch {line['epoch']}{stored})"] = {**line, **test}
    metrics = dict.fromkeys(
        key for line in columns.values() for key in line if key.startswith(("train_", "val_", "test_"))
    )
    return [{"metric": key, **{name: line.get(key) for name, line in columns.items()}} for key in metrics]


def _exit(runs: list[Run]) -> None:
    """Divergence and missed expectations, each with a sentence."""
    from dltricks.api.expectations import missed
    from dltricks.core.errors import DivergedError, ExpectationError

    for run in runs:
        if run.status == "diverged":
            failure = run.result["failure"]
            raise DivergedError(
                f"{run.path}: diverged in epoch {failure['epoch']}, step {failure['step']}: {failure['what']} of "
                f"{failure['layer']} is not finite; the last finite weights are kept "
                "(a lower learning rate or clipping may help)"
            )
    misses = [sentence for run in runs for sentence in missed(run)]
    if misses:
        raise ExpectationError("\n".join(misses))
