"""How long reading ten thousand finished runs takes, the first time and the second, and how much memory.

    python -m pip install -e .
    python benchmarks/compare.py [--runs 10000] [--rounds 3] [--keep FOLDER] [--each-its-own] [COMMAND ...]

The folders are what training writes, checksums and all, but nothing is trained: curves are made up, and weights are a
few numbers, since no command that compares reads weights. Twenty variants share the seeds; with ``--each-its-own``
every run has a learning rate of its own, as a random search has. The commands are ``list`` and ``compare`` unless
others are named. Cold means without the index; files are in the system's cache either way, as they were just written.
Modules may keep their bytecode, as those of an installed package do, whatever the environment says.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from workers import machine, markdown

from dltricks.api.lab import Lab, Means, Silent
from dltricks.execution.task import PlannedRun
from dltricks.experiment.document import parse
from dltricks.experiment.overrides import parse_override
from dltricks.experiment.resolve import to_yaml
from dltricks.experiment.study import experiments, read_study
from dltricks.runs import environment, files, index, study_file
from dltricks.runs.files import Disk
from dltricks.runs.folder import RunFolder

EPOCHS = 30
STUDY = """\
name: many
dataset: digits
architecture: {name: mlp, hidden: [64]}
optimizer: {name: adam, lr: 1e-3}
epochs: 30
"""
VARIANTS = "sweep={dropout: [0, 0.1, 0.2, 0.5, 0.8], optimizer.lr: [1e-4, 3e-4, 1e-3, 3e-3]}"
COMMANDS = ("list", "compare")
TARGETS = {"cold": 6.0, "warm": 2.0, "memory": 300.0}
_MEASURED = """\
import resource, runpy, sys
code = 0
try:
    runpy.run_module("dltricks", run_name="__main__")
except SystemExit as end:
    code = end.code or 0
own, helper = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
print(own + helper, code, file=sys.stderr)
"""


class Unsynced(Disk):
    """Writes without waiting for the disk."""

    def fsync(self, fd: int) -> None:
        pass

    def fsync_folder(self, path: Path) -> None:
        pass


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", default=COMMANDS, metavar="COMMAND")
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="a folder for the runs, used again where it has them")
    parser.add_argument("--each-its-own", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        runs_dir = arguments.keep or Path(temporary)
        if not (runs_dir / "many").exists():
            make(runs_dir, arguments.runs, each_its_own=arguments.each_its_own)
            time.sleep(3)  # what was written this moment may change without a trace, so that no index holds it
        rows = [row for name in arguments.commands for row in measured(name, runs_dir, arguments.rounds)]
    print(machine())
    print(f"{arguments.runs:,} runs of {EPOCHS} epochs\n")
    print(markdown(list(rows[0]), [list(row.values()) for row in rows]))


def make(runs_dir: Path, count: int, *, each_its_own: bool) -> None:
    """Writes a study of finished runs."""
    files.disk = Unsynced()
    random = np.random.default_rng(0)
    environ = {**environment.describe(), "threads": 1, "folder": str(runs_dir)}
    for run, score in planned(runs_dir, count, each_its_own=each_its_own):
        folder = RunFolder(run.path, run.experiment.hash)
        with folder.hold():
            folder.create(to_yaml(run.experiment.config))
            folder.resume(environ)
            lines = list(curve(random, score))
            for line in lines:
                folder.add_metrics(line)
                folder.add_timing({"epoch": line["epoch"], "seconds": random.uniform(0.01, 0.02), "steps": 51})
            best = max(lines, key=lambda line: line["val_accuracy"])
            identity = {
                "id": run.experiment.hash[:12],
                "hash": run.experiment.hash,
                "seed": run.experiment.config["seed"],
            }
            record = {**identity, "status": "finished", "epochs": EPOCHS, "best": best, "final": lines[-1]}
            folder.finish({**record, "test": None}, {"w": random.normal(size=100)})


def planned(runs_dir: Path, count: int, *, each_its_own: bool) -> Iterator[tuple[PlannedRun, float]]:
    """The runs, each with how well its variant does."""
    if each_its_own:
        values = ", ".join(f"{1e-4 * 1.0005**i:.6g}" for i in range(count))
        changes = [f"sweep={{optimizer.lr: [{values}]}}"]
    else:
        changes = [VARIANTS, f"seeds=0..{max(0, count // 20 - 1)}"]
    study = read_study(parse(STUDY, "many.yaml"), [parse_override(change) for change in changes], count)
    pairs = list(experiments(study))
    runs = [{"hash": experiment.hash, "arm": arm.label, "seed": experiment.config["seed"]} for arm, experiment in pairs]
    arms = [{"label": arm.label, "varied": arm.varied} for arm in study.arms]
    record = {"kind": "sweep", "metric": "val_accuracy", "arms": arms, "seeds": list(study.seeds or ()), "runs": runs}
    absent = dict.fromkeys(["baseline", "margin", "contrasts", "tuned"])
    study_file.save(runs_dir / "many", {**record, **absent, "notes": []})
    study_file.load(runs_dir / "many")  # or the plan would be read as damaged, and nobody would see
    score = {arm.label: 0.9 + 0.05 * i / len(arms) for i, arm in enumerate(study.arms)}
    for (arm, _), run in zip(pairs, Lab(Means(runs_dir), Silent(print)).place(pairs), strict=True):
        yield run, score[arm.label]


def curve(random: np.random.Generator, score: float) -> Iterator[dict[str, Any]]:
    """Lines of metrics that rise towards a score, with noise."""
    noise = random.normal(0, 0.005, (EPOCHS, 5))
    for i, (a, b, c, d, e) in enumerate(noise.tolist()):
        grown = 1 - 0.7 ** (i + 1)
        yield {
            "epoch": i + 1,
            "train_loss": 2.3 * (1 - 0.95 * grown) + a,
            "train_accuracy": score * grown + b,
            "val_loss": 2.3 * (1 - 0.9 * grown) + c,
            "val_accuracy": score * grown + d,
            "lr": 1e-3,
            "grad_norm": 1 + e,
            "clipped": 0.0,
        }


def measured(name: str, runs_dir: Path, rounds: int) -> Iterator[dict[str, str]]:
    """A row for the first time and one for the second, each with the most memory."""
    found: dict[str, list[tuple[float, float]]] = {"cold": [], "warm": []}
    for _ in range(rounds):
        (runs_dir / index.NAME).unlink(missing_ok=True)
        for state in ("cold", "warm"):
            found[state].append(once(name, runs_dir))
    for state, values in found.items():
        seconds, memory = (median(column) for column in zip(*values, strict=True))
        for what, value, unit, target in (
            (f"dltricks {name}, {state}", seconds, "s", TARGETS[state]),
            (f"dltricks {name}, {state}, memory", memory, "MB", TARGETS["memory"]),
        ):
            reached = "yes" if value <= target else "no"
            yield {"what": what, "measured": f"{value:.3g} {unit}", "at most": f"{target:g} {unit}", "reached": reached}


def once(name: str, runs_dir: Path) -> tuple[float, float]:
    """(seconds, MB) of the whole command, from its start to its end; MB of the process and of its helper together."""
    command = [sys.executable, "-c", _MEASURED, name, str(runs_dir)]
    environ = {**os.environ, "COLUMNS": "200"}
    environ.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    done = subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, env=environ
    )
    seconds = time.perf_counter() - began
    peak, code = map(int, done.stderr.splitlines()[-1].split())
    if code:
        raise SystemExit(f"dltricks {name} ended with exit code {code}: {done.stderr}")
    return seconds, peak / 1024


if __name__ == "__main__":
    main()
