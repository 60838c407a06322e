"""One run as a table or in JSON, and the sentence for one that diverged."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from dltricks.cli.options import Format
from dltricks.cli.output import inert
from dltricks.cli.tables import console, print_rows

if TYPE_CHECKING:
    from dltricks.api.session import Run
    from dltricks.api.study import Entry


def print_run(run: Run, format: Format) -> None:
    """Prints the metrics of a run, where it lies, and what to do next."""
    rows = _rows(run)
    if rows:  # none where training diverged within its first epoch
        print_rows(rows, format)
    if format is not Format.table:
        return
    screen = console()
    state = f"{run.status} before" if run.reused else run.status
    screen.print(f"\n{state}, in {inert(run.path)}", soft_wrap=True)
    if run.status == "finished":
        again = f"next: dltricks evaluate {shlex.quote(inert(run.path))}"
        screen.print(again, style="dim", soft_wrap=True)


def entry_line(entry: Entry) -> dict[str, Any]:
    """A run of a study in JSON: its run.json, or why it failed."""
    if entry.run is not None:
        return {**entry.run.result, "path": str(entry.path)}
    assert entry.failure is not None
    return {"status": "failed", "error": entry.failure.message, "seed": entry.seed, "path": str(entry.path)}


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


def divergence(run: Run) -> str:
    """Where a run stopped being finite, and what may help."""
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
