"""Killed at any time and started again, runs and studies end with the bytes of those that were left in peace."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli.shell import all_decisive, environment
from faults.zygote import Victim, Zygote

from dltricks.core.errors import DamagedError
from dltricks.runs import checkpoint, reading

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs copies of processes, and /proc")

BASE = """\
name: killed
dataset: digits
limit: 300
architecture: {name: mlp, hidden: [32, 24]}
normalization: batch
dropout: 0.2
batch_size: 16
checkpoint_seconds: 0.02
seed: 3
epochs: 20
"""
"""About 17 steps an epoch."""
CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "early stopping": ("early_stopping={patience: 6, min_delta: 0.001}", "optimizer={name: adam, lr: 0.01}"),
    "ema, plateau": (
        "averaging={name: ema, decay: 0.98}",
        "schedule={name: plateau, patience: 2, rate: 0.5}",
        "optimizer={name: momentum, lr: 0.05}",
        "penalty={name: l2, strength: 1e-4}",
    ),
    "swa, cosine": ("averaging={name: swa, start: 8}", "schedule={name: cosine, warmup: 2}", "clipping=1"),
    "restored best, mixup, layers": (
        "early_stopping={patience: 30, restore_best: true}",
        "augmentation=[mixup, noise]",
        "monitor=layers",
    ),
    "double precision, whole batches": ("dtype=float64", "optimizer=rmsprop", "batch_size=full", "epochs=150"),
    "seeds in one stack": ("seeds=3", "--executor", "serial", "epochs=15"),
    "sweep with workers": ("dropout=0,0.3", "seeds=2", "--workers", "2", "epochs=15"),
    "runs that end at different times": (
        "sweep={early_stopping: [{monitor: train_loss, patience: 3, min_delta: 0.1}, none]}",
        "seeds=2",
        "--workers",
        "2",
        "epochs=15",
    ),
}
KILLS = 28
"""Of each configuration in the long part at least: 224 in all."""
AT_MOST = 7
"""Kills of one run before it is let to its end."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote(environment()) as found:
        yield found


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *(pytest.param(name, KILLS, marks=pytest.mark.faults) for name in CONFIGURATIONS),
        ("ema, plateau", 2),
        ("sweep with workers", 2),
    ],
)
def test_kills_leave_no_trace(tmp_path: Path, zygote: Zygote, name: str, kills: int) -> None:
    (tmp_path / "killed.yaml").write_text(BASE)
    arguments = ("train", "killed.yaml", *CONFIGURATIONS[name], "--quiet", "--runs-dir")
    began = time.monotonic()
    calm = zygote.start(*arguments, "calm", cwd=tmp_path)
    assert calm.wait() == 0, calm.told()
    seconds = time.monotonic() - began
    expected = all_decisive(tmp_path / "calm")
    seed = random.SystemRandom().randrange(10**6)
    print(f"random.Random({seed})")
    rng = random.Random(seed)
    done = went_on = rounds = 0

    def lacking() -> bool:
        return done < kills or went_on < kills // 4  # many are killed before there is anything to go on from

    while lacking():
        assert rounds < 10 * kills
        runs, ended, here = tmp_path / f"round{rounds}", False, 0
        rounds += 1
        before: dict[str, list[int]] = {}
        while not ended:
            victim = zygote.start(*arguments, runs, cwd=tmp_path)
            if here < AT_MOST and lacking():
                if rng.random() < 0.5:
                    time.sleep(rng.uniform(0.0, min(1.0, seconds * 0.6)))
                else:
                    await_progress(victim, runs, rng.randrange(1, 60))
                killed = kill(victim, rng)
                here += killed
                done += killed
            code = victim.wait()
            assert code in (0, -signal.SIGKILL), victim.told()
            assert "Traceback" not in victim.told()
            went_on += "on after" in victim.told()
            ended = code == 0
            after = progress(runs)
            for path, numbers in before.items():
                # What was saved is not trained again, but for what runs of a stack that go on together share.
                assert path in after
                assert max(after[path]) >= min(numbers), victim.told()
            before = after
        assert all_decisive(runs) == expected
        for config in runs.glob("*/*/config.yaml"):
            reading.verify(config.parent)
            assert list(config.parent.rglob(".tmp-*")) == []


def await_progress(victim: Victim, runs: Path, steps: int) -> None:
    """Waits until some run has been saved so many steps after where all had been saved before."""

    def saved() -> int:
        paths = runs.glob("*/*/checkpoints")
        return max((number for path in paths for number in checkpoint.numbers(path)), default=0)

    begin = saved()
    while victim.poll() is None and saved() < begin + steps:
        time.sleep(0.002)


def kill(victim: Victim, rng: random.Random) -> int:
    """Kills a process, or one of its workers; 0 where there is none any more."""
    if victim.poll() is not None:
        return 0
    workers = victim.children()
    if workers and rng.random() < 0.3:
        try:
            os.kill(rng.choice(workers), signal.SIGKILL)
        except ProcessLookupError:
            return 0
        return 1
    victim.kill()
    return 1


def progress(runs: Path) -> dict[str, list[int]]:
    """The valid checkpoints of every run; a finished one has come farther than any.

    The locks of those that were killed are free at once; workers save, and leave.
    """
    found: dict[str, list[int]] = {}
    for config in runs.glob("*/*/config.yaml"):
        deadline = time.monotonic() + 60
        while (state := reading.status(config.parent)) == "running" and time.monotonic() < deadline:
            time.sleep(0.005)
        assert state in ("interrupted", "finished", "diverged"), state
        numbers = [10**9] if state != "interrupted" else []
        for number in checkpoint.numbers(config.parent / "checkpoints"):
            try:
                checkpoint.load(checkpoint.path_of(config.parent / "checkpoints", number))
            except DamagedError:
                pytest.fail("a killed process left a damaged checkpoint")
            numbers.append(number)
        if numbers:
            found[str(config.parent)] = numbers
    return found
