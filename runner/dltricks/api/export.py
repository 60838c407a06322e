"""Writes a trained network into files that other programs read."""

from __future__ import annotations

from pathlib import Path

from dltricks import __version__
from dltricks.api.session import PathLike, open_run
from dltricks.core.errors import UsageError
from dltricks.runs import files


def export(
    run: PathLike,
    *,
    onnx: PathLike | None = None,
    safetensors: PathLike | None = None,
    runs_dir: PathLike = "runs",
    data_dir: PathLike | None = None,
    quiet: bool = True,
) -> list[Path]:
    """Writes the weights that a run's result stands for, and returns the files that were written.

    Args:
        run: its folder, its folder below ``runs_dir``, its experiment's name, or the beginning of its id.
        onnx: a file for the whole network, scaling and class probabilities included, to be run by other programs.
        safetensors: a file for the weights alone, under the names that ``weights.npz`` has.
        runs_dir: where run folders lie.
        data_dir: where data sets lie; before $DLTRICKS_DATA and the user's cache.
        quiet: whether a download shows no progress bar.

    Raises:
        UsageError: no file asked for, no run there that has ended, a library that is not installed, or a layer that
            has no form in ONNX.
        DamagedError: weights or data that are not what the run was made with.
    """
    wanted = {kind: Path(path) for kind, path in (("onnx", onnx), ("safetensors", safetensors)) if path is not None}
    if not wanted:
        raise UsageError("nothing to write; name a file with --onnx or --safetensors")
    places = {kind: files.output(path) for kind, path in wanted.items()}
    if len(set(places.values())) < len(wanted):
        raise UsageError(f"{wanted['onnx']} cannot be both files; give one of them another name")
    stored = open_run(run, runs_dir, data_dir, quiet=quiet)
    if stored.run.kept is None:
        raise UsageError(f"{stored.run.path} diverged: there is no trained network to export")
    about = {
        "dltricks": __version__,
        "run": str(stored.run.result["id"]),
        "configuration": stored.experiment.config,
        "classes": list(stored.data.classes),
        "targets": list(stored.data.targets),
        "features": list(stored.data.features),
    }
    contents: dict[str, bytes] = {}
    if "onnx" in wanted:
        from dltricks.exporting.onnx import onnx_model

        contents["onnx"] = onnx_model(stored.evaluator, about)
    if "safetensors" in wanted:
        from dltricks.exporting.safetensors import safetensors_file

        contents["safetensors"] = safetensors_file(stored.evaluator, about)
    for kind, content in contents.items():
        files.write_atomically(places[kind], content)
    return list(wanted.values())
