"""Reading run folders: nothing that a checksum can tell is believed without it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import yaml

from dltricks.core.errors import DamagedError
from dltricks.core.registry import KINDS
from dltricks.core.types import Array
from dltricks.runs import arrays, files, lock, logs, sealed

FORMAT = 1
CONFIG, RUN, ENVIRONMENT = "config.yaml", "run.json", "env.json"
METRICS, TIMING, WEIGHTS = "metrics.jsonl", "timing.jsonl", "weights.npz"
CHECKPOINTS, PLUGINS = "checkpoints", "plugins"
LARGEST_CONFIG = 2**20
_DEEPEST = 50
_SMALL = 2**20

_LINE = {"epoch": int, ...: (float, int, dict)}
_RESULT = {
    **{"hash": str, "status": str, "epochs": int, "test": ({...: (float, int)}, None)},
    "files": {CONFIG: str, METRICS: str, WEIGHTS: str, ...: str},
}
_RESULTS = {
    "finished": {**_RESULT, "best": _LINE, "final": _LINE},
    "diverged": {
        **{**_RESULT, "best": (_LINE, None), "final": (_LINE, None)},
        "failure": {"epoch": int, "step": int, "layer": str, "what": str},
    },
}
"""What run.json must hold, for all who read it, by its status. A right checksum vouches for none of it."""

_CONFIG = {
    **{key: [{"name": str}] if kind.many else {"name": str} for key, kind in KINDS.items()},
    **{"name": str, "epochs": int, "seed": (int, dict), "plugins": [str]},
}
"""What readers of many runs take for granted of the keys that config.yaml has."""

Status = Literal["finished", "diverged", "running", "interrupted", "damaged", "empty"]
ENDED: tuple[Status, ...] = ("finished", "diverged")
"""Those of runs that came to their end, and have a result."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class RunRecord:
    """A run as it lies on disk. An unfinished one has no ``result``."""

    path: Path
    config: dict[str, Any]
    result: dict[str, Any] | None
    """The content of run.json."""
    metrics: list[dict[str, Any]]
    """One mapping per epoch, oldest first."""


def read_run(path: Path) -> RunRecord:
    """Reads a run without its weights, checked against run.json where there is one.

    Raises:
        DamagedError: a file that is missing, or is not what was written.
    """
    result = read_result(path)
    config = checked(path, CONFIG, result, LARGEST_CONFIG)
    metrics = checked(path, METRICS, result, logs.LIMIT) if result or (path / METRICS).exists() else b""
    return RunRecord(
        path,
        parse_config(config, path / CONFIG),
        result,
        logs.decode(metrics, path / METRICS, summed=False, complete=result is not None),
    )


def read_result(path: Path) -> dict[str, Any] | None:
    """The content of run.json, or None for a run that has not ended."""
    file = path / RUN
    result = sealed.load(file, FORMAT)
    if result is not None:
        wrong = sealed.misfit(result, _RESULTS.get(str(result.get("status")), _RESULTS["finished"]))
        if wrong is None and result["status"] not in ENDED:
            wrong = "status"
        if wrong is not None:
            raise DamagedError(f"{file}: {wrong} is not what an ended run has there; --fresh trains it again")
    return result


def read_weights(path: Path) -> dict[str, Array]:
    """The weights of a run that has ended, checked against run.json.

    Raises:
        DamagedError: they are missing or not what was written, or the run has not ended.
    """
    result = read_result(path)
    if result is None:
        raise DamagedError(f"{path}: has no weights yet, the run has not ended")
    content = checked(path, WEIGHTS, result, arrays.LARGEST)
    weights = arrays.unpack(content, path / WEIGHTS)
    for name, array in weights.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise DamagedError(f"{path / WEIGHTS}: {name} holds NaN or infinity")
    return weights


def read_timing(path: Path) -> list[dict[str, Any]]:
    """Seconds and memory of each epoch; each line carries its own checksum."""
    content = files.read(path / TIMING, logs.LIMIT, follow_links=True) or bytearray()
    complete = (path / RUN).exists()
    return logs.decode(content, path / TIMING, summed=True, complete=complete)


def read_environment(path: Path) -> dict[str, Any]:
    """What a run ran on."""
    environment = sealed.load(path / ENVIRONMENT, FORMAT)
    if environment is None:
        raise DamagedError(f"{path / ENVIRONMENT}: missing")
    return environment


def verify(path: Path) -> None:
    """Checks every byte of a run folder: results, weights, copies of plugins, timing, checkpoints.

    Raises:
        DamagedError: the first file that is not what was written.
    """
    from dltricks.runs import checkpoint  # only here, for it loads what trains

    run = read_run(path)
    result = run.result
    for name in result["files"] if result else ():
        checked(path, name, result, arrays.LARGEST)
    if result:
        read_weights(path)
    read_environment(path)
    timing = read_timing(path)
    if result:
        _check_epochs(path, result, [line.get("epoch") for line in timing], [line.get("epoch") for line in run.metrics])
    folder = path / CHECKPOINTS
    for number in checkpoint.numbers(folder):
        checkpoint.load(checkpoint.path_of(folder, number), result["hash"] if result else None)


def _check_epochs(path: Path, result: dict[str, Any], timed: list[Any], measured: list[Any]) -> None:
    """Timing may lack the epochs before an interruption that damaged it, but not the last ones."""
    lost = not timed and result["status"] == "diverged"  # after an interruption, and before the epoch had ended
    if not lost and (timed != measured[len(measured) - len(timed) :] or bool(timed) != bool(measured)):
        raise DamagedError(f"{path / TIMING}: holds {len(timed)} epochs, which are not the last of {METRICS}")


def status(path: Path) -> Status:
    """What has become of a run, without reading its weights and checkpoints."""
    if lock.is_held(path):
        return "running"
    if not (path / CONFIG).exists() and not (path / RUN).exists():
        return "empty"
    try:
        result = read_run(path).result
    except DamagedError:
        return "damaged"
    if result is None:
        return "interrupted"
    if not (path / WEIGHTS).exists():
        return "damaged"
    return "diverged" if result["status"] == "diverged" else "finished"


def checked(path: Path, name: str, result: dict[str, Any] | None, limit: int) -> bytearray:
    """A file of a run; where run.json vouches for it, checked."""
    wanted = result["files"].get(name) if result else None
    file = path / name
    if result and files.size(file) > _SMALL:
        # Before memory is taken for it.
        _check_sum(file, files.pieces(file, limit, follow_links=True), wanted)
    content = files.read(file, limit, follow_links=True)
    if content is None:
        raise DamagedError(f"{file}: missing")
    if result:
        _check_sum(file, [content], wanted)
    return content


def _check_sum(path: Path, pieces: Iterable[files.Buffer], wanted: str | None) -> None:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    if digest.hexdigest() != wanted:
        raise DamagedError(f"{path}: damaged, it does not match its checksum in {RUN}")


def parse_config(text: bytes | bytearray, path: Path) -> dict[str, Any]:
    """A resolved configuration as we write it: plain values, no anchors, nested a little.

    Raises:
        DamagedError: anything else.
    """
    content = bytes(text)
    try:
        _check_plain(content)
        config = yaml.load(content, _LOADER)  # a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: damaged, not a configuration as dltricks writes it") from error
    if not isinstance(config, dict):
        raise DamagedError(f"{path}: damaged, not a mapping")
    wrong = next((key for key, form in _CONFIG.items() if key in config and sealed.misfit(config[key], form)), None)
    if wrong is not None:
        raise DamagedError(f"{path}: damaged, {wrong} is not what a resolved configuration has there")
    return config


def _check_plain(content: bytes) -> None:
    # The fast loader crashes on deep nesting, and anchors can make a small file endless to walk.
    depth = 0
    for event in yaml.parse(content, _LOADER):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
            raise ValueError("nested too deeply, or with anchors")
