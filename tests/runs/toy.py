"""A training of four epochs as the command would do it, in place of the engine."""

import numpy as np

from dltricks.engine.state import State
from dltricks.runs import reading
from dltricks.runs.folder import RunFolder

HASH = "0123456789abcdef" * 4
CONFIG = "name: toy\ndataset:\n  name: digits\noptimizer:\n  lr: 0.001\n  name: adam\n"
ENV = {"dltricks": "0.1.0", "numpy": "2.4", "blas": [{"name": "openblas", "threads": 1}], "git": None}
EPOCHS = 4


def train(path, *, config=CONFIG, plugins=(), fresh=False, halt_after=None, env=ENV, begun=None, decisive=dict):
    """Trains, or goes on; warnings. ``begun`` collects the epoch from which training went on."""
    folder = RunFolder(path, HASH)
    with folder.hold():
        if fresh:
            folder.reset()
        elif reading.read_result(path):
            return []
        folder.create(config, plugins, decisive)
        found, warnings = folder.resume(env)
        state = found.state if found else State({"w": np.zeros(3)}, {"epoch": 0})
        if not found:
            folder.checkpoint(5, state)  # within the first epoch, when there is no line of metrics yet
        if begun is not None:
            begun.append(state.meta["epoch"])
        for epoch in range(state.meta["epoch"] + 1, EPOCHS + 1):
            state = State({"w": state.arrays["w"] * 2 + epoch}, {"epoch": epoch})
            folder.add_metrics({"epoch": epoch, "val_loss": 1 / epoch})
            folder.add_timing({"epoch": epoch, "seconds": 0.25})
            folder.checkpoint(epoch * 10, state)
            if epoch == halt_after:
                return warnings
        lines = folder.metrics()
        record = {"id": HASH[:12], "hash": HASH, "status": "finished", "seed": 0, "epochs": EPOCHS}
        folder.finish({**record, "best": lines[-1], "final": lines[-1], "test": None}, state.arrays)
        return warnings


def stable(path):
    """The files that have the same bytes on every repeat."""
    names = [reading.CONFIG, reading.RUN, reading.METRICS, reading.WEIGHTS, "plugins/trick.py"]
    return {name: (path / name).read_bytes() for name in names if (path / name).exists()}
