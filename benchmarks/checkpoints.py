"""What checkpoints cost: the share of training time in which a run waits for its state to be on the disk.

    python -m pip install -e .
    python benchmarks/checkpoints.py [--rounds 5] [--folder DIR]

Checkpoints come every 30 seconds, which is the default, or more rarely where they take long. ``--folder`` is the disk
to write to.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

from workers import machine, markdown

from dltricks.api.session import open_experiment
from dltricks.engine.loop import train
from dltricks.engine.trainer import Trainer
from dltricks.experiment.resolve import to_yaml
from dltricks.experiment.settings import Settings
from dltricks.runs.folder import RunFolder
from dltricks.runs.recorder import RARER, Recorder, Recording
from dltricks.runs.signals import Signals

NETWORKS = {
    "64-64-64-10": "{name: mlp, hidden: [64, 64]}",
    "64-512-512-10": "{name: mlp, hidden: [512, 512]}",
    "64-2048-2048-10": "{name: mlp, hidden: [2048, 2048]}",
    "64-3000-3000-10": "{name: mlp, hidden: [3000, 3000]}",
}
EXPERIMENT = """\
dataset: digits
architecture: {architecture}
optimizer: adam
normalization: batch
early_stopping: {{patience: 9, restore_best: true}}
batch_size: 256
epochs: {epochs}
"""


class Timed(Recorder):
    """Measures how long each checkpoint takes, from the copies of the state to the last sync."""

    def __init__(self, folder: RunFolder) -> None:
        super().__init__([Recording(folder, {"id": "0", "hash": "0", "seed": 0})], 1e9, Signals())
        self.seconds_each: list[float] = []

    def on_epoch_end(self, run: Trainer) -> None:
        super().on_epoch_end(run)
        if run.active:
            began = time.perf_counter()
            self._save(run)
            self.seconds_each.append(time.perf_counter() - began)


def measured(architecture: str, rounds: int, place: Path | None) -> tuple[int, float, float]:
    """(parameters, bytes of a checkpoint, seconds of one): the median of so many, the first one aside."""
    with tempfile.TemporaryDirectory(dir=place) as name:
        file = Path(name) / "network.yaml"
        file.write_text(EXPERIMENT.format(architecture=architecture, epochs=rounds + 2), "utf-8")
        opened = open_experiment(file)
        run = opened.trainer()
        folder = RunFolder(Path(name) / "run", opened.experiment.hash)
        recorder = Timed(folder)
        with folder.hold():
            folder.create(to_yaml(opened.experiment.config))
            folder.resume({})
            train(run, [recorder])
        newest = max((Path(name) / "run" / "checkpoints").iterdir())
        return run.store.p.shape[1], newest.stat().st_size, median(recorder.seconds_each[1:])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    every = Settings().checkpoint_seconds
    rows = []
    for name, architecture in NETWORKS.items():
        parameters, size, seconds = measured(architecture, arguments.rounds, arguments.folder)
        pause = max(every, RARER * seconds)
        share = seconds / (seconds + pause)
        reached = "yes" if share < 0.02 else "no"
        cells = [f"{parameters:,}", f"{size / 1e6:.1f} MB", f"{seconds * 1e3:.0f} ms", f"{pause:.0f} s"]
        cells += [f"{share:.2%}", "2 %", reached]
        rows.append([name, *cells])
    print(f"{machine()}\n")
    heads = ["network", "parameters", "checkpoint", "takes", "one every", "share", "target", "reached"]
    print(markdown(heads, rows))


if __name__ == "__main__":
    main()
