"""What surrounds the arithmetic of training: the loop around a step, plans, the start of the command line, and memory.

    python -m pip install -e .
    python benchmarks/overhead.py [--rounds 9] [--mnist]

``--mnist`` also measures the memory of training on MNIST, found as ``dltricks train configs/mnist.yaml`` finds it.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

from rich.console import Console
from workers import machine, markdown

import dltricks
from dltricks.api.session import open_experiment
from dltricks.cli.progress import LiveProgress
from dltricks.core.numeric import norms
from dltricks.engine.loop import step, train
from dltricks.engine.numerics import exact
from dltricks.engine.trainer import Trainer
from dltricks.runs.recorder import Recorder
from dltricks.runs.signals import Signals

CONFIGS = Path(__file__).parent.parent / "configs"
SMALLEST = """\
dataset: digits
architecture: {name: mlp, hidden: [64, 64]}
optimizer: adam
clipping: 1.0
validation: 0
epochs: 40
"""


class UnwrittenRecorder(Recorder):
    """The recorder's work at each step, without a folder to write to."""

    def on_epoch_end(self, run: Trainer) -> None:
        pass


def loop_share(rounds: int) -> tuple[float, float, float]:
    """us of a step: its arithmetic alone, with metrics and on new batches, and in the whole loop; medians in turn.

    The whole loop calls the recorder and the live display at each step, and makes a line of metrics each epoch.
    """
    found: dict[str, list[float]] = {"arithmetic": [], "step": [], "loop": []}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "smallest.yaml"
        file.write_text(SMALLEST, "utf-8")
        opened = open_experiment(file)
    for _ in range(rounds):
        found["arithmetic"].append(_arithmetic(opened.trainer()))
        found["step"].append(_steps(opened.trainer()))
        run = opened.trainer()
        screen = Console(file=io.StringIO(), force_terminal=True, width=100)
        began = time.perf_counter()
        train(run, [UnwrittenRecorder([], 30.0, Signals()), LiveProgress(screen)])
        found["loop"].append((time.perf_counter() - began) / (run.steps * 40) * 1e6)
    arithmetic, step, loop = (median(values) for values in found.values())
    return arithmetic, step, loop


def _arithmetic(run: Trainer) -> float:
    """Forward, backward, clipping and update, again and again on one batch."""
    store, steps = run.store, 0
    with exact():
        run.begin_epoch()
        batch = next(iter(run.batches()))
        began = time.perf_counter()
        for _ in range(run.steps * 40):
            steps += 1
            z = run.network.forward(batch.x, training=True)
            run.loss.allocate(z.shape, z.dtype)
            run.loss.forward(z, batch.target)
            run.network.backward(run.loss.backward())
            run.clipping.clip(store, norms(store.g))
            run.update(run.lr[:, 0, None], steps)
        return (time.perf_counter() - began) / steps * 1e6


def _steps(run: Trainer) -> float:
    """The same on the batches of the epochs, with loss, accuracy, gradient norm and the check for NaN."""
    with exact():
        began = time.perf_counter()
        for epoch in range(40):
            run.epoch, run.step = epoch, 0
            run.begin_epoch()
            for batch in run.batches():
                step(run, batch, run.lr[:, run.step, None])
        return (time.perf_counter() - began) / run.t * 1e6


def seconds(command: list[str], rounds: int) -> float:
    """The median of whole processes."""
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        found.append(time.perf_counter() - began)
    return median(found)


PLANNED = {
    "of numbers": ["optimizer.lr={log: [1e-4, 1e-1], count: 1000}"],
    "of tricks": [
        "optimizer.lr={log: [1e-4, 1e-1], count: 10}",
        "optimizer=adam,sgd,momentum,rmsprop,nadam",
        "activation=relu,tanh,gelu,silu",
        "normalization=none,batch,layer,rms,weight",
    ],
}
"""A thousand combinations each: one kind of stacks, and a hundred."""


def planning(overrides: list[str], rounds: int) -> float:
    """The median of a plan's processor time, which is its time on a machine with nothing else to do."""
    found = []
    for _ in range(rounds):
        began = time.process_time()
        planned = dltricks.plan(CONFIGS / "smoke.yaml", overrides, expect={})
        found.append(time.process_time() - began)
        assert len(planned.runs) == 1000
    return median(found)


MEMORY = """
import resource, sys
from dltricks.api.session import open_experiment
from dltricks.engine.loop import step, train
import dltricks.datasets.mnist, dltricks.runs.recorder

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

opened = open_experiment(sys.argv[1], ["epochs=1"])
before = peak()
run = opened.trainer()
train(run)
data = sum(a.nbytes for a in (run.datas[0].x, run.datas[0].y, run.datas[0].test_x, run.datas[0].test_y))
slots = run.store.p.nbytes + run.store.g.nbytes + sum(s.nbytes for s in run.update.slots + run.average_slots)
activations = sum(a.nbytes for layer in run.network.layers for a in layer._arenas.values())
print(peak() - before, data + slots + activations)
"""


def memory() -> tuple[float, float]:
    """(bytes by which training raises the peak of the process, data + parameters + slots + activations)."""
    command = [sys.executable, "-c", MEMORY, str(CONFIGS / "mnist.yaml")]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    return float(answer[0]), float(answer[1])


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--mnist", action="store_true")
    arguments = parser.parse_args()
    arithmetic, step, loop = loop_share(arguments.rounds)
    rows = [
        ["the smallest network's arithmetic on one batch", f"{arithmetic:.1f} us", ""],
        ["its step, on new batches and with metrics", f"{step:.1f} us", ""],
        ["the loop around it: events, metric lines, progress", f"{loop:.1f} us: + {loop / step - 1:.1%}", "10 %"],
    ]
    cli = [sys.executable, "-m", "dltricks"]
    rows.append(["dltricks --help", f"{seconds([*cli, '--help'], arguments.rounds):.2f} s", "0.35 s"])
    with tempfile.TemporaryDirectory() as folder:
        for name, target in (("smoke", "2 s"), ("quickstart", "5 s")):
            command = [*cli, "train", str(CONFIGS / f"{name}.yaml"), "--fresh", "--runs-dir", folder]
            rows.append([f"dltricks train configs/{name}.yaml", f"{seconds(command, 3):.2f} s", target])
    for what, overrides in PLANNED.items():
        taken = planning(overrides, arguments.rounds)
        rows.append([f"a plan of 1,000 combinations {what}, processor time", f"{taken:.2f} s", "1 s"])
    if arguments.mnist:
        found, formula = memory()
        text = f"{found / 1e6:.0f} MB of {formula / 1e6:.0f} MB by formula: {found / formula:.2f}"
        rows.append(["memory of training on MNIST", text, "1.3"])
    print(f"{machine()}\n")
    print(markdown(["what", "measured", "at most"], rows))


if __name__ == "__main__":
    main()
