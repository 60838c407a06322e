"""The networks of benchmarks/convolution.py in PyTorch, with the same parameters, and a plain training loop."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workers import Measure

if TYPE_CHECKING:
    import torch
    from convolution import Case

SECONDS = 0.6


def taken(work: Callable[[], object]) -> float:
    """Bytes that this process holds at its peak meanwhile, beyond what it holds now."""
    Path("/proc/self/clear_refs").write_text("5", "ascii")  # forgets the peak so far
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def _status(name: str) -> float:
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(1024 * float(line.split()[1]) for line in lines if line.startswith(name))


def network(case: Case) -> Any:
    """The case's network."""
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        """Two convolutions, and the input beside them; where they halve the image, every other pixel of it."""

        def __init__(self, inputs: int, filters: int) -> None:
            super().__init__()
            self.stride = 1 if inputs == filters else 2
            self.first = nn.Conv2d(inputs, filters, 3, self.stride, 1, bias=False)
            self.second = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
            self.norms = nn.ModuleList([nn.BatchNorm2d(filters), nn.BatchNorm2d(filters)])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = functional.relu(self.norms[0](self.first(x)))
            y = self.norms[1](self.second(y))
            if self.stride == 2:
                x = functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
            return functional.relu(y + x)

    channels, name = case.shape[2], case.architecture["name"]
    if name == "cnn":
        convolutions = [nn.Conv2d(channels, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU()]
        return nn.Sequential(
            *convolutions, nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(case.dropout), nn.Linear(1600, 10)
        )
    if name == "lenet":
        convolutions = [nn.Conv2d(channels, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2)]
        convolutions += [nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()]
        return nn.Sequential(
            *convolutions, nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)
        )
    width, each = case.architecture.get("width", 16), (case.architecture["depth"] - 2) // 6
    layers: list[nn.Module] = [nn.Conv2d(channels, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    inputs = width
    for number in range(3 * each):
        filters = width * 2 ** (number // each)
        layers.append(Block(inputs, filters))
        inputs = filters
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 10))


def torch_eager() -> Measure:
    """Seconds per step of a plain PyTorch loop, or the bytes that it takes."""
    import torch
    from torch import nn

    def measure(case: Case, threads: int, last: bool, what: str = "seconds") -> float:
        torch.set_num_threads(threads)
        if what == "bytes":
            plan(replace(case, batch=2, batches=10), last)()
            epoch = plan(case, last)
            return taken(lambda: (epoch(), epoch()))
        epoch = plan(case, last)
        epoch()
        epochs, began = 0, time.perf_counter()
        while (seconds := time.perf_counter() - began) < SECONDS:
            epoch()
            epochs += 1
        return seconds / (epochs * case.batches)

    def plan(case: Case, last: bool) -> Callable[[], None]:
        torch.manual_seed(0)
        samples = case.batch * case.batches
        x, y = torch.randn(samples, case.shape[2], *case.shape[:2]), torch.randint(0, 10, (samples,))
        net = network(case)
        if last:
            net, x = net.to(memory_format=torch.channels_last), x.contiguous(memory_format=torch.channels_last)
        parameters = list(net.parameters())
        optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
        criterion = nn.CrossEntropyLoss()
        total, right, norms = torch.zeros(()), torch.zeros((), dtype=torch.int64), torch.zeros(())

        def epoch() -> None:
            for start in range(0, samples, case.batch):
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

        return epoch

    return measure
