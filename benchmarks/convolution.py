"""Training steps and memory of convolutional networks against PyTorch eager.

    python -m pip install -e ".[fast]" -r benchmarks/requirements.txt
    python benchmarks/convolution.py [--rounds 5] [--quick]

A step is the forward pass, cross entropy, the backward pass, clipping by norm, Adam and the metrics, in float32.
PyTorch is written as its own users would for speed (fused Adam, fused clipping, metrics kept as tensors) and given the
best of channels first and last on one and on two threads. Ours is the real training loop, with compiled kernels on one
and on two threads, and beside them NumPy's.

Memory is what a process takes at its peak in two epochs beyond what it took once the libraries were loaded, a batch of
two had been trained on, the data drawn and the network built; each in a process of its own, and of a stack shared out
among its replicas. It needs Linux. ``--only`` with a part of a network's name measures just that.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from convolution_torch import taken, torch_eager
from workers import Measure, Worker, machine, markdown, take_turns


@dataclass(frozen=True)
class Case:
    """A network on images of one size, its batch, and by how much a step should be faster than PyTorch's."""

    name: str
    architecture: dict[str, Any]
    shape: tuple[int, int, int]
    batch: int
    target: float
    activation: str = "relu"
    normalization: str = "none"
    dropout: float = 0.0
    replicas: int = 1
    batches: int = 8
    """In an epoch."""


CASES = [
    Case("the lesson's CNN, 28x28x1", {"name": "cnn"}, (28, 28, 1), 64, 1.2, dropout=0.5, batches=16),
    Case("LeNet, 28x28x1", {"name": "lenet"}, (28, 28, 1), 64, 1.5, activation="tanh", batches=16),
    Case(
        "ResNet-20, 32x32x3", {"name": "resnet", "depth": 20}, (32, 32, 3), 128, 1.0, normalization="batch", batches=2
    ),
    Case(
        "ResNet-8 of width 8, 8x8x1, K = 8, per replica",
        {"name": "resnet", "depth": 8, "width": 8},
        (8, 8, 1),
        32,
        5.0,
        normalization="batch",
        replicas=8,
        batches=16,
    ),
]
SECONDS = 0.6
"""About how long one measurement takes, at least."""


def ours() -> Measure:
    """Seconds per step of one replica by the real training loop; or bytes, or a checksum of the weights."""
    import zlib

    import numpy as np

    from dltricks.core.dataset import Data
    from dltricks.core.parallel import pool
    from dltricks.core.registry import load
    from dltricks.engine.hooks import Hook
    from dltricks.engine.loop import train
    from dltricks.engine.recipe import Recipe, Seeds
    from dltricks.engine.trainer import Trainer

    class Clock(Hook):
        def on_train_begin(self, run: Trainer) -> None:
            self.times = [time.perf_counter()]

        def on_epoch_end(self, run: Trainer) -> None:
            self.times.append(time.perf_counter())

    def trainer(case: Case, kernels: str, epochs: int) -> Trainer:
        rng = np.random.default_rng(0)
        samples = case.batch * case.batches
        x = rng.normal(size=(samples, *case.shape)).astype(np.float32)
        data = Data("classification", x, np.arange(samples) % 10, classes=list("0123456789"))
        fields = dict(case.architecture)
        recipe = {
            "dataset": load("dataset", "blobs")(),
            "scaling": load("scaling", "none")(),
            "augmentation": (),
            "architecture": load("architecture", fields.pop("name"))(**fields),
            "activation": load("activation", case.activation)(),
            "initializer": load("initializer", "glorot")(),
            "normalization": load("normalization", case.normalization)(),
            "dropout": load("dropout", "dropout")(case.dropout) if case.dropout else load("dropout", "none")(),
            "loss": load("loss", "cross_entropy")(),
            "optimizer": load("optimizer", "adam")(),
            "penalty": load("penalty", "none")(),
            "clipping": load("clipping", "norm")(1.0),
            "schedule": load("schedule", "constant")(),
            "early_stopping": load("early_stopping", "none")(),
            "averaging": load("averaging", "none")(),
        }
        numbers = {"epochs": epochs, "batch_size": case.batch, "validation": 0.0, "kernels": kernels}
        recipes = [Recipe(**recipe, **numbers, seeds=Seeds.all(seed)) for seed in range(case.replicas)]
        return Trainer(recipes, [data] * case.replicas)

    def measure(case: Case, kernels: str, threads: int, what: str = "seconds") -> float:
        pool.resize(threads)
        if what == "bytes":
            train(trainer(replace(case, batch=2, batches=10), kernels, 1))
            run = trainer(case, kernels, 2)
            return taken(lambda: train(run))
        if what == "weights":
            outcomes = train(trainer(case, kernels, 1))
            weights = [each for outcome in outcomes if outcome for each in outcome.weights.values()]
            return zlib.crc32(b"".join(each.tobytes() for each in weights))
        epochs = 2
        while True:
            clock, run = Clock(), trainer(case, kernels, epochs)
            train(run, [clock])
            # The first epoch makes the buffers.
            seconds = clock.times[-1] - clock.times[1]
            if seconds >= SECONDS / 2:
                return seconds / ((epochs - 1) * run.steps * case.replicas)
            epochs = 2 + int((epochs - 1) * SECONDS / seconds)

    return measure


def once(prepare: Callable[[], Measure], **arguments: Any) -> float:
    """What a fresh process measures."""
    worker = Worker(prepare)
    try:
        return worker.ask(**arguments)
    finally:
        worker.close()


def speed(case: Case, us: Worker, them: Worker, rounds: int, quick: bool) -> list[str]:
    """The case's row in the table of times."""
    calls = {f"compiled {n}": lambda n=n: us.ask(case=case, kernels="compiled", threads=n) for n in (1, 2)}
    calls |= {
        f"torch {n} {last}": lambda n=n, last=last: them.ask(case=case, threads=n, last=last)
        for n in (1, 2)
        for last in (False, True)
    }
    found = take_turns(calls, rounds)
    slow = {f"numpy {n}": lambda n=n: us.ask(case=case, kernels="numpy", threads=n) for n in (1, 2)}
    plain = {} if quick else take_turns(slow, max(1, rounds // 2))
    peer = min(value for name, value in found.items() if name.startswith("torch"))
    one, two = found["compiled 1"], found["compiled 2"]
    ratio = peer / min(one, two)
    numpy = min(plain.values(), default=float("nan"))
    times = [f"{value * 1e3:,.2f}" for value in (one, two, numpy, peer)]
    return [
        case.name, str(case.batch), *times, f"{ratio:.2f} x", f"{case.target:g} x",
        "yes" if ratio >= case.target else "no", f"{one / two:.2f}",
    ]  # fmt: skip


def memory(case: Case) -> list[str]:
    """The case's row in the table of memory, of one replica."""
    mine = {
        kernels: once(ours, case=case, kernels=kernels, threads=2, what="bytes") / case.replicas
        for kernels in ("compiled", "numpy")
    }
    its = min(once(torch_eager, case=case, threads=2, last=last, what="bytes") for last in (False, True))
    ratio = mine["compiled"] / its
    cells = [f"{value / 1e6:,.1f}" for value in (mine["compiled"], mine["numpy"], its)]
    return [case.name, *cells, f"{ratio:.2f} x", "yes" if ratio <= 1.5 else "no"]


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one round, without NumPy's kernels")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--keep-kernels", action="store_true", help="leave OPENBLAS_* in the environment")
    arguments = parser.parse_args()
    if not arguments.keep_kernels:
        for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
            del os.environ[name]
    cases = [case for case in CASES if arguments.only in case.name]
    us, them, times, sizes = Worker(ours), Worker(torch_eager), [], []
    for case in cases:
        times.append(speed(case, us, them, 1 if arguments.quick else arguments.rounds, arguments.quick))
        print(" | ".join(times[-1]), flush=True)
        sums = {us.ask(case=case, kernels="compiled", threads=n, what="weights") for n in (1, 2)}
        print(f"    the same bytes on one and two threads: {'yes' if len(sums) == 1 else 'NO'}", flush=True)
    for worker in (us, them):
        worker.close()
    for case in cases:
        sizes.append(memory(case))
        print(" | ".join(sizes[-1]), flush=True)
    columns = ["network", "batch", "ms, 1 thread", "ms, 2 threads", "NumPy's kernels ms, best", "PyTorch ms, best"]
    print(f"\n{machine()}\n\n{markdown([*columns, 'ratio', 'target', 'reached', '1 thread : 2'], times)}\n")
    columns = ["network", "MB, compiled", "MB, NumPy's kernels", "PyTorch MB, least", "ratio", "1.5 x or less"]
    print(markdown(columns, sizes))


if __name__ == "__main__":
    main()
