"""``dltricks evaluate``: a run measured again from its stored weights."""

from __future__ import annotations

import typer

from dltricks.cli.options import DataDir, Debug, Format, FormatOption, Json, Quiet, RunArgument, chosen

NAME = "evaluate"


def command(
    run: RunArgument,
    data_dir: DataDir = None,
    format: FormatOption = Format.table,
    json: Json = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Measure a run again, class by class."""
    from dltricks.api.evaluate import evaluate
    from dltricks.cli.tables import print_json, print_rows

    found = evaluate(run, data_dir=data_dir, quiet=quiet)
    format = chosen(format, json)
    metrics = [
        {"metric": name, "measured": value, "recorded": found.stored.get(name)} for name, value in found.metrics.items()
    ]
    if format is Format.json:
        print_json(
            {
                "path": str(found.run.path),
                "metrics": found.metrics,
                "recorded": found.stored,
                "part": found.part,
                "per_class": found.per_class,
                "classes": found.classes,
                "confusion": None if found.confusion is None else found.confusion.tolist(),
            }
        )
        return
    print_rows(metrics, format)
    if found.confusion is not None:
        typer.echo()
        print_rows(found.per_class, format, title=f"Classes of the {found.part} part")
        typer.echo()
        rows = [
            {"true \\ predicted": name, **dict(zip(found.classes, map(int, row), strict=True))}
            for name, row in zip(found.classes, found.confusion, strict=True)
        ]
        print_rows(rows, format, title="Confusion matrix")
    changed = [name for name, value in found.stored.items() if found.metrics.get(name) != value]
    if changed:
        typer.echo(
            f"dltricks: {', '.join(changed)} differ from what was recorded; another machine, numpy or BLAS computes "
            "other last bits (see env.json)",
            err=True,
        )
