"""A whole study against PyTorch, scikit-learn and JAX: 40 runs of 64-64-10 on the digits, as whole processes.

    python -m pip install -e . -r benchmarks/requirements.txt
    python benchmarks/study.py [--rounds 5] [--epochs 30] [--only ours jax] [--keep-kernels]

Four dropout rates with ten seeds each, Adam, batches of 32, thirty epochs; loss and accuracy of training and of the
tenth held out after each of them, and for each run a folder with its configuration, metrics and weights. Ours is
``dltricks train benchmarks/study.yaml``; the others are the programs ``study_*.py`` beside this one, which say what
they do and leave out. A time is that of the whole process, from its start to its end, but for JAX's steady state, which
is a second study in a process that has compiled the program already; it is compared with our whole process all the
same. Peers take turns. A program that runs in several ways is listed with each; its target applies to the fastest.

Kernels of OpenBLAS that the environment prescribes are left to its own choice unless ``--keep-kernels`` is given.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import fmean

import yaml
from study_common import RATES, runs
from workers import machine, markdown, take_turns

HERE = Path(__file__).parent
KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")

Accuracies = dict[float, list[float]]
"""Of the last epoch's validation, by dropout rate."""


@dataclass(frozen=True)
class Peer:
    """One way to train the study."""

    title: str
    program: str
    """Ways of the same program that are measured alike share one target."""
    target: float
    """How many times as long as ours it should take."""
    script: str
    options: tuple[str, ...] = ()

    @property
    def steady(self) -> bool:
        return "--steady" in self.options

    def command(self, runs_dir: Path, epochs: int) -> list[str]:
        return [
            sys.executable,
            str(HERE / self.script),
            *self.options,
            *("--epochs", str(epochs), "--runs-dir", str(runs_dir)),
        ]


class Ours(Peer):
    """The command line, on the file beside this one."""

    def command(self, runs_dir: Path, epochs: int) -> list[str]:
        file, key = str(HERE / self.script), f"epochs={epochs}"
        return [sys.executable, "-m", "dltricks", "train", file, key, "--runs-dir", str(runs_dir), "--quiet"]


TORCH, SKLEARN, JAX = "study_pytorch.py", "study_sklearn.py", "study_jax.py"
PEERS = [
    Ours("ours", "ours", 1.0, "study.yaml"),
    Peer("PyTorch, one process, two threads", "pytorch", 15.0, TORCH, ("--processes", "1")),
    Peer("PyTorch, two processes", "pytorch", 15.0, TORCH, ("--processes", "2")),
    Peer("scikit-learn without dropout, two processes", "sklearn", 8.0, SKLEARN, ("--processes", "2")),
    Peer("JAX, one device", "jax", 5.0, JAX, ("--devices", "1")),
    Peer("JAX, two devices", "jax", 5.0, JAX, ("--devices", "2")),
    Peer("JAX, one device, steady state", "jax", 1.5, JAX, ("--devices", "1", "--steady")),
    Peer("JAX, two devices, steady state", "jax", 1.5, JAX, ("--devices", "2", "--steady")),
]


def measure(peer: Peer, epochs: int, accuracies: dict[str, Accuracies]) -> float:
    """Seconds of one whole process, or those that it gives as its steady state; adds what it has learned."""
    with tempfile.TemporaryDirectory() as folder:
        runs_dir = Path(folder) / "runs"
        began = time.perf_counter()
        done = subprocess.run(peer.command(runs_dir, epochs), capture_output=True, text=True)
        seconds = time.perf_counter() - began
        if done.returncode:
            sys.exit(f"{peer.title}: exit {done.returncode}\n{done.stderr}")
        found = ours_learned(runs_dir) if isinstance(peer, Ours) else learned(runs_dir)
    trained = sum(map(len, found.values()))
    if trained != len(runs()):
        sys.exit(f"{peer.title}: {trained} runs instead of {len(runs())}")
    accuracies[peer.title] = found
    return float(json.loads(done.stdout)["steady"]) if peer.steady else seconds


def learned(runs_dir: Path) -> Accuracies:
    """From the folders of a peer."""
    found: Accuracies = {}
    for folder in runs_dir.iterdir():
        config = json.loads((folder / "config.json").read_text("utf-8"))
        lines = (folder / "metrics.jsonl").read_text("utf-8").splitlines()
        if len(lines) != config["epochs"]:
            sys.exit(f"{folder}: {len(lines)} epochs instead of {config['epochs']}")
        found.setdefault(config["dropout"], []).append(json.loads(lines[-1])["val_accuracy"])
    return found


def ours_learned(runs_dir: Path) -> Accuracies:
    """From our run folders."""
    found: Accuracies = {}
    for file in runs_dir.glob("*/*/run.json"):
        config = yaml.safe_load((file.parent / "config.yaml").read_text("utf-8"))
        run = json.loads(file.read_text("utf-8"))
        if run["epochs"] != config["epochs"]:
            sys.exit(f"{file.parent}: {run['epochs']} epochs instead of {config['epochs']}")
        found.setdefault(float(config["dropout"]["rate"]), []).append(run["final"]["val_accuracy"])
    return found


def times(peers: list[Peer], seconds: dict[str, float]) -> str:
    """The table of times and targets."""
    ours = seconds.get("ours")
    rows = []
    for peer in peers:
        theirs = seconds[peer.title]
        row = [peer.title, f"{theirs:.2f}", "", "", "", ""]
        if ours is not None and not isinstance(peer, Ours):
            ratio = theirs / ours
            row[2:4] = [f"{ours:.2f}", f"{ratio:.2f} x"]
            rivals = [p for p in peers if (p.program, p.steady) == (peer.program, peer.steady)]
            if theirs == min(seconds[rival.title] for rival in rivals):
                row[4:6] = [f"{peer.target:g} x", "yes" if ratio >= peer.target else "no"]
        rows.append(row)
    return markdown(["peer", "s, median", "ours, s", "ratio", "target", "reached"], rows)


def lessons(accuracies: dict[str, Accuracies]) -> str:
    """The table of what was learned: mean final validation accuracy over the seeds."""
    rows = [
        [title, *(f"{fmean(found[rate]):.1%} of {len(found[rate])}" if rate in found else "" for rate in RATES)]
        for title, found in accuracies.items()
    ]
    return markdown(["validation accuracy, mean of runs", *(f"dropout {rate:g}" for rate in RATES)], rows)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--only", nargs="+", choices=sorted({peer.program for peer in PEERS}))
    parser.add_argument("--keep-kernels", action="store_true")
    arguments = parser.parse_args()
    if not arguments.keep_kernels:
        for name in KERNELS:
            os.environ.pop(name, None)
    peers = [peer for peer in PEERS if arguments.only is None or peer.program in arguments.only]
    accuracies: dict[str, Accuracies] = {}
    calls: dict[str, Callable[[], float]] = {
        peer.title: partial(measure, peer, arguments.epochs, accuracies) for peer in peers
    }
    seconds = take_turns(calls, arguments.rounds)
    print(f"{machine()}; {arguments.epochs} epochs, {arguments.rounds} rounds\n")
    print(f"{times(peers, seconds)}\n\n{lessons(accuracies)}")


if __name__ == "__main__":
    main()
