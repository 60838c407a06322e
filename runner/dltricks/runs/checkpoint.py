"""Checkpoints: the state of a run between two steps, in files of which the newest two are kept.

``checkpoints/<step>.npz`` holds the state's arrays, and before them the array ``checkpoint``, the bytes of a
JSON object: the format, the hash of the configuration, plain values, how far each log had been written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from math import inf
from pathlib import Path
from typing import Any

import numpy as np

from dltricks.core.errors import DamagedError, NewerFormatError, OtherConfigurationError
from dltricks.core.types import Array
from dltricks.engine.state import State, broken
from dltricks.runs import arrays, files
from dltricks.runs.logs import Mark

FORMAT = 1
KEPT = 2
_HEADER = "checkpoint"
_FILE = re.compile(r"(\d{1,18})\.npz")


@dataclass(frozen=True)
class Checkpoint:
    """A state with its number, the steps done so far, and what else in the run folder belongs to it."""

    number: int
    state: State
    marks: dict[str, Mark]
    """How far each log had been written, by the file's name."""
    config_sum: str
    """The SHA-256 of config.yaml as a file."""


def save(folder: Path, config_hash: str, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint durably into an existing folder, then drops all but the one before it."""
    header = {
        "format": FORMAT,
        "config": config_hash,
        "config_sum": checkpoint.config_sum,
        "number": checkpoint.number,
        "marks": {name: asdict(mark) for name, mark in checkpoint.marks.items()},
        "meta": checkpoint.state.meta,
    }
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    arrays.save(path_of(folder, checkpoint.number), {_HEADER: text, **checkpoint.state.arrays})
    older = [number for number in numbers(folder) if number < checkpoint.number]
    discard(folder, keep=[checkpoint.number, *older[-(KEPT - 1) :]])


def discard(folder: Path, keep: Collection[int]) -> None:
    """Removes every checkpoint but those named."""
    for number in numbers(folder):
        if number not in keep:
            files.remove(path_of(folder, number))


def numbers(folder: Path) -> list[int]:
    """The numbers of the checkpoints in a folder, ascending, whatever their files are worth."""
    matches = map(_FILE.fullmatch, files.names(folder))
    return sorted(int(match[1]) for match in matches if match and match[0] == _name(int(match[1])))


def _name(number: int) -> str:
    return f"{number:010d}.npz"


def path_of(folder: Path, number: int) -> Path:
    """The file of a checkpoint."""
    return folder / _name(number)


def load_newest(
    folder: Path,
    config_hash: str,
    fault: Callable[[Checkpoint], str | None] = lambda checkpoint: None,
    at_most: float = inf,
) -> tuple[Checkpoint | None, list[str]]:
    """The newest valid checkpoint, or None where there is no checkpoint; and warnings about damaged ones.

    Args:
        folder: the folder of the checkpoints.
        config_hash: the hash of the configuration that is to go on.
        fault: what else is wrong with a checkpoint, if anything: then an older one is looked for.
        at_most: the highest number to look at.

    Raises:
        DamagedError: checkpoints, but none valid; or of another configuration or a newer version.
        FileSystemError: a checkpoint that cannot be read, or is a link.
    """
    warnings: list[str] = []
    for number in sorted((n for n in numbers(folder) if n <= at_most), reverse=True):
        path = path_of(folder, number)
        try:
            checkpoint = load(path, config_hash)
            reason = fault(checkpoint)
            if reason is None:
                return checkpoint, warnings
            warnings.append(f"{path}: {reason}")
        except (NewerFormatError, OtherConfigurationError):
            raise
        except DamagedError as error:
            warnings.append(str(error))
    if warnings:
        raise DamagedError(f"no valid checkpoint to go on from ({'; '.join(warnings)}); --fresh starts anew")
    return None, []


def faults(folder: Path, config_hash: str, below: int) -> dict[int, str]:
    """What is wrong with checkpoints below a number, by their numbers."""
    found = {}
    for number in numbers(folder):
        if number < below:
            try:
                load(path_of(folder, number), config_hash)
            except DamagedError as error:
                found[number] = str(error)
    return found


def load(path: Path, config_hash: str | None = None) -> Checkpoint:
    """One checkpoint, checked; without ``config_hash`` of whatever configuration.

    Raises:
        DamagedError: anything but a sound checkpoint of this configuration.
    """
    stored = arrays.load(path)
    text = stored.pop(_HEADER, None)
    if text is None or text.dtype != np.uint8 or text.ndim != 1:
        raise DamagedError(f"{path}: not a checkpoint")
    header = _header(text, path)
    if header["format"] > FORMAT:
        raise NewerFormatError(
            f"{path}: format {header['format']} of a newer dltricks, this one reads {FORMAT}; update dltricks"
        )
    if config_hash is not None and header["config"] != config_hash:
        raise OtherConfigurationError(
            f"{path}: belongs to the configuration {header['config'][:12]}, not to {config_hash[:12]}"
        )
    if path.name != _name(header["number"]):
        raise DamagedError(f"{path}: holds the state after {header['number']:,} steps, not that of its name")
    state = State(stored, header["meta"])
    name = broken(state)
    if name is not None:
        raise DamagedError(f"{path}: {name} holds NaN or infinity")
    marks = {name: _mark(value, path) for name, value in header["marks"].items()}
    return Checkpoint(header["number"], state, marks, header["config_sum"])


def _header(text: Array, path: Path) -> dict[str, Any]:
    try:
        # The state may hold infinities (no best epoch yet), which Python's JSON can spell.
        header = json.loads(text.tobytes())
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{path}: its header is not valid JSON") from error
    kinds = {"format": int, "config": str, "config_sum": str, "number": int, "marks": dict, "meta": dict}
    if not isinstance(header, Mapping) or any(type(header.get(key)) is not kinds[key] for key in kinds):
        raise DamagedError(f"{path}: its header lacks what a checkpoint needs")
    return dict(header)


def _mark(value: Any, path: Path) -> Mark:
    try:
        mark = Mark(**value)
    except TypeError as error:
        raise DamagedError(f"{path}: its header holds a mark that is none") from error
    sound = type(mark.lines) is int and type(mark.size) is int and type(mark.sha256) is str
    if not sound or mark.lines < 0 or mark.size < 0:
        raise DamagedError(f"{path}: its header holds a mark that is none")
    return mark
