"""A run of four steps, small enough to be broken at every byte and at every operation, and what is asked of it then."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from cli.shell import decisive, stats, tree
from execution.plans import experiment, runs_of, write_fuse

from dltricks.engine.state import State
from dltricks.execution.data import Datasets
from dltricks.execution.events import Ended, Event, Failed, Notice
from dltricks.execution.stack import train_stack
from dltricks.execution.task import PlannedRun
from dltricks.experiment.resolve import to_yaml
from dltricks.runs import checkpoint, reading
from dltricks.runs.checkpoint import Checkpoint
from dltricks.runs.folder import RunFolder
from dltricks.runs.signals import Signals

TINY = """\
name: tiny
dataset: {name: moons, samples: 60}
architecture: {name: mlp, hidden: [3]}
optimizer: {name: adam, lr: 5e-3}
normalization: batch
batch_size: 30
epochs: 2
checkpoint_seconds: 1e-9
"""
"""Two steps an epoch, and a checkpoint after each."""
VALUES: dict[str, Any] = {
    "dataset": {"name": "moons", "samples": 60},
    "limit": "none",
    "architecture": {"name": "mlp", "hidden": [3]},
    "normalization": "batch",
    "batch_size": 30,
    "epochs": 2,
    "checkpoint_seconds": 1e-9,
}
ENV: dict[str, Any] = {"numpy": "2", "blas": [{"name": "openblas", "threads": 1}]}


def tiny_run(folder: Path, place: str = "runs/tiny/s0-000000000000", **values: Any) -> PlannedRun:
    """The tiny run, with a plugin that changes nothing."""
    plugin = write_fuse(folder)
    found = experiment(folder, [plugin], **{**VALUES, "augmentation": ["fuse"], **values})
    (run,) = runs_of(folder, [found])
    return PlannedRun(0, run.experiment, folder / place)


def train(run: PlannedRun, signals: Signals | None = None) -> list[str]:
    """Trains a run or lets it go on; what people are told.

    Raises:
        AssertionError: it has failed; the message is the failure's.
    """
    heard: list[Event] = []
    train_stack([run], heard.append, signals or Signals(), Datasets())
    failed = [event for event in heard if isinstance(event, Failed)]
    assert not failed, failed[0]
    assert [event.run for event in heard if isinstance(event, Ended)] == [run.number]
    return [event.message for event in heard if isinstance(event, Notice)]


def attempt(run: PlannedRun) -> Failed | None:
    """Trains a run that may fail, and tells how it did."""
    heard: list[Event] = []
    train_stack([run], heard.append, Signals(), Datasets())
    (event,) = (event for event in heard if isinstance(event, (Ended, Failed)))
    return event if isinstance(event, Failed) else None


def failure(run: PlannedRun) -> Failed:
    """Trains a run that must fail, and tells how."""
    failed = attempt(run)
    assert failed is not None
    return failed


def interrupt(run: PlannedRun, step: int) -> None:
    """Trains as far as the checkpoint after a step, and is killed there."""
    original = RunFolder.checkpoint

    def last(self: RunFolder, number: int, state: State) -> None:
        original(self, number, state)
        if number == step:
            raise Killed

    RunFolder.checkpoint = last
    try:
        train(run)
    except Killed:
        pass
    finally:
        RunFolder.checkpoint = original
    assert reading.status(run.path) == "interrupted"


class Killed(BaseException):
    """Stands for the end of the process: no handler of Exception sees it."""


def reopen(run: PlannedRun) -> tuple[Checkpoint | None, list[str], list[dict[str, Any]]]:
    """Where an interrupted run would go on, what people are told, and the metrics so far."""
    folder = RunFolder(run.path, run.experiment.hash)
    with folder.hold():
        assert reading.read_result(run.path) is None
        plugins = [plugin.path for plugin in run.experiment.plugins]
        folder.create(to_yaml(run.experiment.config), plugins, run.experiment.decisive)
        found, warnings = folder.resume(ENV)
        return found, warnings, folder.metrics()


def same(one: State, other: State) -> bool:
    """Whether two states agree in every bit."""
    bits = [{name: (a.dtype, a.shape, a.tobytes()) for name, a in state.arrays.items()} for state in (one, other)]
    return bits[0] == bits[1] and one.meta == other.meta


def put(folder: Path, content: Mapping[str, bytes | None]) -> None:
    """Makes a folder what ``tree`` said of it."""
    for path in sorted(folder.rglob("*"), reverse=True):
        name = str(path.relative_to(folder))
        if name not in content or (content[name] is None and not path.is_dir()):
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
    for name, data in content.items():
        if data is None:
            (folder / name).mkdir(exist_ok=True)
        elif not (folder / name).exists() or (folder / name).read_bytes() != data:
            (folder / name).write_bytes(data)


def damages(content: bytes, stride: int) -> Iterator[bytes]:
    """The content with a bit of every ``stride``-th byte flipped, and cut off at every ``stride``-th byte."""
    for place in range(0, len(content), stride):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        yield bytes(flipped)
        yield content[:place]


def checkpoints(run: PlannedRun) -> dict[int, State]:
    """The states in the checkpoints of a run."""
    folder = run.path / reading.CHECKPOINTS
    return {n: checkpoint.load(checkpoint.path_of(folder, n)).state for n in checkpoint.numbers(folder)}


@contextmanager
def untouched(*folders: Path) -> Iterator[None]:
    """Refuses any change below these folders, but of who holds a lock."""
    before = [(contents(folder), stats(folder)) for folder in folders]
    yield
    assert [(contents(folder), stats(folder)) for folder in folders] == before


def contents(folder: Path) -> dict[str, bytes | None]:
    """Every path below a folder with its content, locks aside."""
    return {path: content for path, content in tree(folder).items() if not path.endswith(".lock")}


def finished_like(run: Path, expected: Mapping[str, bytes]) -> None:
    """A run that is whole, and has the bytes of an undisturbed one."""
    assert decisive(run) == expected
    reading.verify(run)
    left = [path for path in run.rglob("*") if path.name.startswith(".tmp-")]
    assert left == []


def forged(path: Path, arrays: Mapping[str, Any] = {}, drop: Sequence[str] = (), **changes: Any) -> None:
    """Rewrites a checkpoint with other arrays and plain values, under a checksum that is right."""
    found = checkpoint.load(path)
    kept = {name: array for name, array in found.state.arrays.items() if name not in drop}
    state = State({**kept, **{name: np.asarray(a) for name, a in arrays.items()}}, {**found.state.meta, **changes})
    header = checkpoint.load(path)
    config = str(stored_header(path)["config"])
    checkpoint.save(path.parent, config, Checkpoint(header.number, state, header.marks, header.config_sum))


def stored_header(path: Path) -> dict[str, Any]:
    """The plain values of a checkpoint as they are stored."""
    import json

    from dltricks.runs import arrays

    found: dict[str, Any] = json.loads(arrays.load(path)["checkpoint"].tobytes())
    return found
