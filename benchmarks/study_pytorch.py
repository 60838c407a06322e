"""The study as an ordinary PyTorch loop: one run after the other, or each of two processes with half of them.

    python benchmarks/study_pytorch.py --runs-dir DIR [--epochs 30] [--processes 2]

One process computes with two threads, of two processes each with one. Samples are kept in memory and gathered once an
epoch. A whole step takes 201 us with fused Adam, 265 with ``foreach``, 255 with neither. ``torch.compile`` was tried:
17 s for the first epoch, and no faster in the three after it (351 us).
"""

from __future__ import annotations

import multiprocessing
from functools import partial
from pathlib import Path

import torch
from study_common import BATCH, CLASSES, HIDDEN, LR, METRICS, Run, config, digits, options, runs, split, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy


def network(rate: float) -> nn.Sequential:
    """64-64-10 with He's weights; a rate of 0 is no layer at all."""
    dropout = [nn.Dropout(rate)] if rate else []
    net = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), *dropout, nn.Linear(HIDDEN, CLASSES))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net


def train(run: Run, epochs: int, runs_dir: Path) -> None:
    """One run, from its seed to its folder."""
    torch.manual_seed(run.seed)
    pixels, digit = digits()
    train_part, val_part = split(digit, run.seed)
    x, y = torch.from_numpy(pixels[train_part]), torch.from_numpy(digit[train_part])
    val_x, val_y = torch.from_numpy(pixels[val_part]), torch.from_numpy(digit[val_part])
    net = network(run.rate)
    optimizer = torch.optim.Adam(net.parameters(), lr=LR, fused=True)
    found = []
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(x))
        labels, outputs = y[order], []
        for inputs, targets in zip(x[order].split(BATCH), labels.split(BATCH), strict=True):
            z = net(inputs)
            optimizer.zero_grad()
            cross_entropy(z, targets).backward()
            optimizer.step()
            outputs.append(z.detach())
        # Loss and accuracy of all steps at once cost less than those of each.
        with torch.inference_mode():
            net.eval()
            found.append(torch.stack([*measure(torch.cat(outputs), labels), *measure(net(val_x), val_y)]))
    lines = [
        {"epoch": epoch, **dict(zip(METRICS, values, strict=True))}
        for epoch, values in enumerate(torch.stack(found).tolist(), 1)
    ]
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    write(runs_dir / run.name, config(run, epochs), lines, weights)


def measure(z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Mean loss and accuracy."""
    return cross_entropy(z, labels), (z.argmax(1) == labels).float().mean()


def main() -> None:
    """Trains all runs."""
    parser = options(__doc__)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    one = partial(train, epochs=arguments.epochs, runs_dir=arguments.runs_dir)
    if arguments.processes == 1:
        torch.set_num_threads(2)
        for run in runs():
            one(run)
        return
    with multiprocessing.Pool(arguments.processes, torch.set_num_threads, (1,)) as pool:
        pool.map(one, runs(), chunksize=1)


if __name__ == "__main__":
    main()
