"""``dltricks train``: a run from an experiment file."""

from __future__ import annotations

import shlex
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
    from dltricks.cli.output import say

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
            notify=say,
        )
    finally:
        if display is not None:
            display.close()
    _report(runs, chosen(format, json))
    _judge(runs)


def _report(runs: list[Run], format: Format) -> None:
    from dltricks.cli.output import inert
    from dltricks.cli.tables import console, print_json, print_rows

    if format is Format.json:
        print_json([{**run.result, "path": str(run.path)} for run in runs])
        return
    for run in runs:
        rows = _rows(run)
        if rows:  # none where training diverged within its first epoch
            print_rows(rows, format)
        if format is not Format.table:
            continue
        screen = console()
        state = f"{run.status} before" if run.reused else run.status
        screen.print(f"\n{state}, in {inert(run.path)}", soft_wrap=True)
        if run.status == "finished":
            again = f"next: dltricks evaluate {shlex.quote(inert(run.path))}"
            screen.print(again, style="dim", soft_wrap=True)


def _rows(run: Run) -> list[dict[str, Any]]:
    """The metrics of the last epoch and of the best, and the test metrics beside the epoch whose weights are stored."""
    final, best = run.result["final"], run.result["best"]
    lines: dict[str, dict[str, Any]] = {}
    for name, title in (("final", "last"), ("best", "best")):
        line = run.result[name]
        if line and not (final == best and lines):
            what = ["last, best" if final == best else title]
            kept = run.kept == name or (run.kept and final == best)
            test = (run.result["test"] or {}) if kept else {}
            lines[f"epoch {line['epoch']} ({', '.join(what + ['stored'] * bool(kept))})"] = {**line, **test}
    names = dict.fromkeys(key for line in lines.values() for key in line)
    return [
        {"metric": key, **{title: line.get(key) for title, line in lines.items()}}
        for key in names
        if key.startswith(("train_", "val_", "test_"))
    ]


def _judge(runs: list[Run]) -> None:
    """Divergence and missed expectations, each with a sentence."""
    from dltricks.api.expectations import missed
    from dltricks.core.errors import DivergedError, ExpectationError

    diverged = [_divergence(run) for run in runs if run.status == "diverged"]
    if diverged and len(diverged) == len(runs):  # among others it is a result like any other
        raise DivergedError("\n".join(diverged))
    misses = [sentence for run in runs if run.status != "diverged" for sentence in missed(run)]
    if misses:
        raise ExpectationError("\n".join(misses))


def _divergence(run: Run) -> str:
    failure = run.result["failure"]
    if failure["layer"] in ("input", "validation", "test"):
        # Training itself did nothing wrong that another rate could mend.
        return (
            f"{run.path}: diverged in epoch {failure['epoch']}, step {failure['step']}: the {failure['layer']} "
            f"{failure['what']} is not finite; the last finite weights are kept"
        )
    return (
        f"{run.path}: diverged in epoch {failure['epoch']}, step {failure['step']}, first in layer {failure['layer']}: "
        f"its {failure['what']} is not finite; the last finite weights are kept. "
        "A lower learning rate, clipping or another initializer may help"
    )
