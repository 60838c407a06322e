"""Training steps per second against PyTorch eager: forward, backward, clipping, update and metrics.

    python -m pip install -e . -r benchmarks/requirements.txt
    python benchmarks/steps.py [--rounds 7]

PyTorch is written as its own users would for speed: fused Adam, fused gradient clipping, metrics kept as tensors.
Both sides are given the better of one and two threads; a stack of replicas is also trained as two halves, in two
processes of one thread each, which is how stacks make use of two cores.
Data are drawn beforehand; both walk through them in batches, we in a new order each epoch. Kernels of OpenBLAS that the
environment prescribes are left to its own choice unless ``--keep-kernels`` is given, as PyTorch's are.
"""

from __future__ import annotations

import argparse
import os
import time
from dataclasses import dataclass, replace

from workers import Measure, Worker, ask_together, machine, markdown, take_turns


@dataclass(frozen=True)
class Case:
    """A network, its batch, and by how much a step should be faster than PyTorch's."""

    widths: tuple[int, ...]
    batch: int
    target: float
    tricks: bool = False
    """Batch normalization and dropout 0.2."""
    replicas: int = 1

    @property
    def name(self) -> str:
        parts = ["-".join(map(str, self.widths))]
        parts += ["batch norm, dropout 0.2"] * self.tricks
        parts += [f"K = {self.replicas}, per replica"] * (self.replicas > 1)
        return ", ".join(parts)


SMALL, LARGE = (64, 64, 64, 10), (784, 512, 512, 10)
CASES = [
    Case(SMALL, 32, 5.0),
    Case(SMALL, 32, 5.0, tricks=True),
    Case(LARGE, 128, 1.3),
    Case(LARGE, 128, 1.4, tricks=True),
    Case(SMALL, 32, 12.0, replicas=32),
]
SAMPLES = 4096
SECONDS = 0.4
"""About how long one measurement takes."""


def ours() -> Measure:
    """Seconds per step of one replica, by the real training loop."""
    import numpy as np

    import dltricks  # noqa: F401
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

    def measure(case: Case, threads: int) -> float:
        pool.resize(threads)
        rng = np.random.default_rng(0)
        x = rng.normal(size=(SAMPLES, case.widths[0])).astype(np.float32)
        data = Data("classification", x, rng.integers(0, 10, SAMPLES), classes=list("0123456789"))
        recipe = {
            "dataset": load("dataset", "blobs")(),
            "scaling": load("scaling", "none")(),
            "augmentation": (),
            "architecture": load("architecture", "mlp")(hidden=list(case.widths[1:-1])),
            "activation": load("activation", "relu")(),
            "initializer": load("initializer", "he")(),
            "normalization": load("normalization", "batch" if case.tricks else "none")(),
            "dropout": load("dropout", "dropout")(0.2) if case.tricks else load("dropout", "none")(),
            "loss": load("loss", "cross_entropy")(),
            "optimizer": load("optimizer", "adam")(),
            "penalty": load("penalty", "none")(),
            "clipping": load("clipping", "norm")(1.0),
            "schedule": load("schedule", "constant")(),
            "early_stopping": load("early_stopping", "none")(),
            "averaging": load("averaging", "none")(),
        }
        epochs = 2
        while True:
            recipes = [
                Recipe(**recipe, epochs=epochs, batch_size=case.batch, validation=0.0, seeds=Seeds.all(seed))
                for seed in range(case.replicas)
            ]
            clock, run = Clock(), Trainer(recipes, [data] * case.replicas)
            train(run, [clock])
            # The first epoch makes the buffers.
            seconds = clock.times[-1] - clock.times[1]
            if seconds >= SECONDS / 2:
                return seconds / ((epochs - 1) * run.steps * case.replicas)
            epochs = 2 + int((epochs - 1) * SECONDS / seconds)

    return measure


def torch_eager() -> Measure:
    """Seconds per step of a plain PyTorch loop."""
    import torch
    from torch import nn

    def measure(case: Case, threads: int, tuned: bool) -> float:
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        layers: list[nn.Module] = []
        for inputs, outputs in zip(case.widths[:-2], case.widths[1:-1], strict=True):
            layers.append(nn.Linear(inputs, outputs, bias=not case.tricks))
            layers += [nn.BatchNorm1d(outputs)] * case.tricks
            layers.append(nn.ReLU())
            layers += [nn.Dropout(0.2)] * case.tricks
        net = nn.Sequential(*layers, nn.Linear(*case.widths[-2:]))
        x, y = torch.randn(SAMPLES, case.widths[0]), torch.randint(0, 10, (SAMPLES,))
        parameters = list(net.parameters())
        optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=tuned)
        criterion = nn.CrossEntropyLoss()
        total, right, norms = torch.zeros(()), torch.zeros((), dtype=torch.int64), torch.zeros(())

        def step(start: int) -> None:
            inputs, labels = x[start : start + case.batch], y[start : start + case.batch]
            optimizer.zero_grad()
            z = net(inputs)
            loss = criterion(z, labels)
            loss.backward()
            norm = nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            with torch.no_grad():
                total.add_(loss, alpha=case.batch)
                right.add_((z.argmax(1) == labels).sum())
                norms.add_(norm)

        starts = range(0, SAMPLES - case.batch + 1, case.batch)
        for start in starts[:10]:
            step(start)
        steps, began = 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < SECONDS:
            for start in starts[:20]:
                step(start)
            steps += len(starts[:20])
        return seconds / steps

    return measure


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--keep-kernels", action="store_true")
    arguments = parser.parse_args()
    rounds = arguments.rounds
    if not arguments.keep_kernels:
        for name in [name for name in os.environ if name.startswith("OPENBLAS_")]:
            del os.environ[name]
    us, second, them = Worker(ours), Worker(ours), Worker(torch_eager)
    rows = []
    for case in CASES:
        calls = {f"ours {n}": lambda n=n, case=case: us.ask(case=case, threads=n) for n in (1, 2)}
        if case.replicas > 1:
            half = replace(case, replicas=case.replicas // 2)
            calls["ours 2"] = lambda half=half: max(ask_together([us, second], case=half, threads=1)) / 2
        calls |= {
            f"torch {n} {tuned}": lambda n=n, tuned=tuned, case=case: them.ask(case=case, threads=n, tuned=tuned)
            for n in (1, 2)
            for tuned in (False, True)
        }
        found = take_turns(calls, rounds)
        one, two = found["ours 1"], found["ours 2"]
        best, peer = min(one, two), min(value for name, value in found.items() if name.startswith("torch"))
        ratio = peer / best
        row = [case.name, str(case.batch), f"{one * 1e6:,.0f}", f"{two * 1e6:,.0f}", f"{peer * 1e6:,.0f}"]
        rows.append([*row, f"{ratio:.2f} x", f"{case.target:g} x", "yes" if ratio >= case.target else "no"])
        print(" | ".join(rows[-1]), flush=True)
    for worker in (us, second, them):
        worker.close()
    columns = ["network", "batch", "us, 1 thread", "us, 2 threads*", "PyTorch us, best", "ratio", "target", "reached"]
    print(f"\n{machine()}\n\n{markdown(columns, rows)}\n\n* K = 32: two halves in two processes of one thread each")


if __name__ == "__main__":
    main()
