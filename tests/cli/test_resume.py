"""Killed at any time and started again, a run ends with the bytes of one that was left in peace."""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import pytest
from cli.shell import Call, decisive, only_run, start

from dltricks.runs import checkpoint, reading

BASE = """\
dataset: digits
limit: 400
architecture: {{name: mlp, hidden: [32, 24]}}
normalization: batch
dropout: 0.2
clipping: 1
penalty: {{name: l2, strength: 1e-4}}
batch_size: 16
checkpoint_seconds: 0.01
seed: 3
optimizer: {optimizer}
averaging: {averaging}
schedule: {schedule}
early_stopping: {stopping}
epochs: {epochs}
"""
CONFIGURATIONS = {
    "momentum, ema, plateau": {
        "optimizer": "{name: momentum, lr: 0.05}",
        "averaging": "{name: ema, decay: 0.98}",
        "schedule": "{name: plateau, patience: 2, rate: 0.5}",
        "stopping": "{patience: 200, monitor: val_loss}",
        "epochs": 60,
    },
    "adam, swa, cosine": {
        "optimizer": "{name: adam, lr: 3e-3}",
        "averaging": "{name: swa, start: 20}",
        "schedule": "{name: cosine, warmup: 2}",
        "stopping": "none",
        "epochs": 60,
    },
}
INTERRUPTIONS = 4


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither signal")
@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_interruptions_leave_no_trace(cli: Call, folder: Path, name: str) -> None:
    (folder / "tricky.yaml").write_text(BASE.format(**CONFIGURATIONS[name]))
    assert cli("train", "tricky.yaml", "--runs-dir", "calm", "--quiet").code == 0
    calm = only_run(folder / "calm")
    steps = 25 * len(reading.read_run(calm).metrics)

    rng = random.Random(name)
    codes = []
    for target in sorted(rng.randrange(steps) for _ in range(INTERRUPTIONS)):
        running = start("train", "tricky.yaml", "--runs-dir", "stormy", "--quiet", cwd=folder)
        while running.poll() is None and not any(n > target for n in saved(folder / "stormy")):
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.01))  # anywhere within a step, or a checkpoint
        running.send_signal(rng.choice([signal.SIGKILL, signal.SIGTERM]))
        running.communicate()
        codes.append(running.returncode)
    assert set(codes) & {-signal.SIGKILL, 128 + signal.SIGTERM}
    assert set(codes) <= {-signal.SIGKILL, 128 + signal.SIGTERM, 0}

    assert cli("train", "tricky.yaml", "--runs-dir", "stormy", "--quiet").code == 0
    stormy = only_run(folder / "stormy")
    assert decisive(stormy) == decisive(calm)
    reading.verify(stormy)


def saved(runs_dir: Path) -> list[int]:
    """The steps of all checkpoints."""
    return [n for path in runs_dir.glob("*/*/checkpoints") for n in checkpoint.numbers(path)]
