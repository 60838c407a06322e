"""An ablation as a ranked table of tricks: what leaving each out costs, and what adding it brings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from dltricks.cli.options import Format
from dltricks.cli.tables import console, print_json, print_rows
from dltricks.cli.train import arms, print_notes

if TYPE_CHECKING:
    from dltricks.api.ablate import AblationResult
    from dltricks.experiment.ablation import Effect, Row


def print_ablation(result: AblationResult, format: Format) -> None:
    """Prints the arms and then the tricks; in JSON both in one object."""
    from dltricks.cli.study_report import arm_numbers, print_results

    trained = result.trained
    # Their labels say what they are, not the names of their folders.
    named = [replace(arm, varied={}) for arm in arms(trained)]
    tables = {"tricks": result.rows} | ({"tuned": result.tuned_rows} if result.tuned_rows is not None else {})
    if format is Format.json:
        print_json(
            {
                "metric": trained.metric,
                "arms": [arm_numbers(arm) for arm in named],
                **{name: [_plain(row) for row in rows] for name, rows in tables.items()},
                "notes": list(trained.notes),
            }
        )
        return
    if format is Format.table:
        print_results(named, trained.metric, format)
        console().print()
    for name, rows in tables.items():
        title = f"{trained.metric}: what each trick is worth" + (", all arms tuned" if name == "tuned" else "")
        print_rows(trick_rows(rows), format, title=title if format is Format.table else "")
    if format is Format.table:
        worse = "positive: the trick helps; differences of the same seeds, mean and standard deviation"
        console().print(worse, style="dim")
        print_notes(trained.notes)


def trick_rows(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """A row for each trick or pair of tricks."""
    found = []
    for row in rows:
        missing = {**row.costs.missing, **row.brings.missing}
        found.append(
            {
                "trick": " x ".join(row.tricks),
                **_columns("leaving it out costs", row.costs),
                **_columns("adding it brings", row.brings),
                **({"without a value": sum(missing.values())} if any(_lacking(each) for each in rows) else {}),
            }
        )
    return found


def _columns(name: str, effect: Effect) -> dict[str, Any]:
    return {name: effect.mean, "sd" if name.startswith("leaving") else "sd ": effect.deviation}


def _lacking(row: Row) -> bool:
    return bool(row.costs.missing or row.brings.missing)


def _plain(row: Row) -> dict[str, Any]:
    return {"tricks": list(row.tricks), "costs": asdict(row.costs), "brings": asdict(row.brings)}
