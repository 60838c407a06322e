"""What a run of the study costs besides training: its place in the plan, and its folder with all that is written there.

    python -m pip install -e .
    python benchmarks/study_overhead.py [--rounds 5] [--limit 128] [--keep-kernels]

The forty runs of ``benchmarks/study.yaml`` are trained as one stack in this process, once with their folders and once
by the bare training loop; the difference is shared out among them. Few training samples (``--limit``) leave thirty
epochs, and with them all that is written, but less arithmetic for the difference to drown in. How long writing takes
depends on the disk: files are synced before a run counts as finished.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from statistics import median

KERNELS = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")
STUDY = Path(__file__).parent / "study.yaml"
TARGET = 8.0


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--limit", type=int, default=128)
    parser.add_argument("--keep-kernels", action="store_true")
    arguments = parser.parse_args()
    if not arguments.keep_kernels:
        for name in KERNELS:
            os.environ.pop(name, None)
    report(arguments.rounds, arguments.limit)


def report(rounds: int, limit: int) -> None:
    """Measures and prints; imports what reads the environment only now."""
    from workers import machine, markdown

    from dltricks.api.lab import Lab, Means, Silent
    from dltricks.engine.loop import train
    from dltricks.engine.trainer import Trainer
    from dltricks.execution.data import Datasets
    from dltricks.execution.events import Ended, Event
    from dltricks.execution.stack import train_stack
    from dltricks.execution.task import PlannedRun
    from dltricks.experiment.document import load_document
    from dltricks.experiment.overrides import parse_override
    from dltricks.experiment.study import experiments, read_study
    from dltricks.runs.signals import Signals

    datasets = Datasets()

    def planned(folder: str) -> list[PlannedRun]:
        study = read_study(load_document(STUDY), [parse_override(f"limit={limit}")])
        return Lab(Means(Path(folder)), Silent(print)).place(experiments(study))

    def bare(runs: list[PlannedRun]) -> None:
        train(Trainer([run.experiment.recipe for run in runs], [datasets.load(run.experiment) for run in runs]))

    def with_folders(runs: list[PlannedRun]) -> None:
        heard: list[Event] = []
        train_stack(runs, heard.append, Signals(), datasets)
        if sum(isinstance(event, Ended) for event in heard) != len(runs):
            raise SystemExit(f"not all runs have ended: {heard}")

    found: dict[str, list[float]] = {"plan": [], "bare": [], "folders": []}
    for number in range(rounds + 1):
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            runs = planned(folder)
            seconds = {"plan": time.perf_counter() - began}
            began = time.perf_counter()
            bare(runs)
            seconds["bare"] = time.perf_counter() - began
            began = time.perf_counter()
            with_folders(runs)
            seconds["folders"] = time.perf_counter() - began
        if number:  # the first round loads modules and data
            for name, value in seconds.items():
                found[name].append(value / len(runs) * 1e3)
    plan, alone, folders = (median(found[name]) for name in ("plan", "bare", "folders"))
    total = plan + folders - alone
    rows = [
        ["the bare training loop", f"{alone:.2f}", ""],
        ["reading the file, resolving, naming the folder", f"{plan:.2f}", ""],
        ["folder, configuration, metrics, weights, summary", f"{folders - alone:.2f}", ""],
        ["besides training", f"{total:.2f}", f"{TARGET:g}: {'yes' if total <= TARGET else 'no'}"],
    ]
    print(f"{machine()}\n\n{markdown(['what, of one run', 'ms', 'at most'], rows)}")


if __name__ == "__main__":
    main()
