"""The study in PyTorch, one run after the other, or each of two processes with half of them.

    python benchmarks/study_pytorch.py --runs-dir DIR [--epochs 30] [--style tuned] [--processes 2]

``ordinary`` is the loop of PyTorch's own tutorials: ``TensorDataset`` and ``DataLoader`` for both parts, Adam as it
comes, loss and correct answers added up after each step.

``tuned``: samples are kept in memory and gathered once an epoch, Adam is fused, loss and accuracy of all steps are
computed at once, and numbers next to zero are taken for zero, which Intel's processors are slow with. On a processor of
AMD a whole step took 201 us with fused Adam, 265 with ``foreach``, 255 with neither. ``torch.compile`` was tried there:
17 s for the first epoch, and no faster in the three after it (351 us).

One process computes with two threads, of two processes each with one. Threads wait for each other as their library has
it. A passive wait (``OMP_WAIT_POLICY``) bears a machine better on which others compute, where it took a third of the
time, but on a quiet one it took 1.3 to 2.6 times as long. On a busy machine two threads may take minutes.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import torch
from study_common import BATCH, CLASSES, HIDDEN, LR, Run, config, digits, options, runs, split, table, write
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

Part = tuple[Tensor, Tensor]
Fit = Callable[[nn.Module, Part, Part, int], list[list[float]]]
"""Trains for a number of epochs, and gives the metrics of each."""


def train(run: Run, fit: Fit, epochs: int, runs_dir: Path) -> None:
    """One run, from its seed to its folder."""
    torch.manual_seed(run.seed)
    x, y = map(torch.from_numpy, digits())
    train_part, val_part = map(torch.from_numpy, split(y.numpy(), run.seed))
    net = network(run.rate)
    found = fit(net, (x[train_part], y[train_part]), (x[val_part], y[val_part]), epochs)
    weights = {name: value.numpy() for name, value in net.state_dict().items()}
    write(runs_dir / run.name, config(run, epochs), table(found), weights)


def network(rate: float) -> nn.Sequential:
    """64-64-10 with He's weights; a rate of 0 is no layer at all."""
    dropout = [nn.Dropout(rate)] if rate else []
    net = nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), *dropout, nn.Linear(HIDDEN, CLASSES))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net


def ordinary(net: nn.Module, train_part: Part, val_part: Part, epochs: int) -> list[list[float]]:
    """As the tutorials write it."""
    order = torch.Generator().manual_seed(torch.initial_seed())
    train_loader = DataLoader(TensorDataset(*train_part), batch_size=BATCH, shuffle=True, generator=order)
    val_loader = DataLoader(TensorDataset(*val_part), batch_size=BATCH)
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(net.parameters(), lr=LR)
    found = []
    for _ in range(epochs):
        net.train()
        train_loss, train_right = 0.0, 0.0
        for x, y in train_loader:
            outputs = net(x)
            loss = loss_fn(outputs, y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(y)
            train_right += (outputs.argmax(1) == y).sum().item()
        net.eval()
        val_loss, val_right = 0.0, 0.0
        with torch.no_grad():
            for x, y in val_loader:
                outputs = net(x)
                val_loss += loss_fn(outputs, y).item() * len(y)
                val_right += (outputs.argmax(1) == y).sum().item()
        trained, held_out = len(train_part[0]), len(val_part[0])
        found.append([train_loss / trained, train_right / trained, val_loss / held_out, val_right / held_out])
    return found


def tuned(net: nn.Module, train_part: Part, val_part: Part, epochs: int) -> list[list[float]]:
    """With as little as possible around the arithmetic."""
    torch.set_flush_denormal(True)
    x, y = train_part
    val_x, val_y = val_part
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
    return torch.stack(found).tolist()


def measure(z: Tensor, labels: Tensor) -> Iterator[Tensor]:
    """Mean loss and accuracy."""
    yield cross_entropy(z, labels)
    yield (z.argmax(1) == labels).float().mean()


def main() -> None:
    """Trains all runs."""
    parser = options(__doc__)
    parser.add_argument("--processes", type=int, default=1)
    arguments = parser.parse_args()
    fit = ordinary if arguments.style == "ordinary" else tuned
    one = partial(train, fit=fit, epochs=arguments.epochs, runs_dir=arguments.runs_dir)
    if arguments.processes == 1:
        torch.set_num_threads(2)
        for run in runs():
            one(run)
        return
    with multiprocessing.Pool(arguments.processes, torch.set_num_threads, (1,)) as pool:
        pool.map(one, runs(), chunksize=1)


if __name__ == "__main__":
    main()
