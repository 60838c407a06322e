"""What the peers of study.py share: the runs, the digits, the split, and the folder that each run leaves behind."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

RATES = (0.0, 0.2, 0.5, 0.8)
SEEDS = 10
HIDDEN, CLASSES = 64, 10
BATCH, LR, VALIDATION = 32, 1e-3, 0.1
METRICS = ("train_loss", "train_accuracy", "val_loss", "val_accuracy")

_DIGITS = Path(__file__).parent.parent / "runner" / "dltricks" / "datasets" / "files" / "digits.npz"

Array = NDArray[Any]

Style = Literal["ordinary", "tuned"]
"""As a competent user writes it first, or as an expert does who measures."""


class Run(NamedTuple):
    """One of the forty."""

    rate: float
    seed: int

    @property
    def name(self) -> str:
        return f"dropout={self.rate:g}-s{self.seed}"


def runs(first_seed: int = 0) -> list[Run]:
    """All of them; other seeds, from ``first_seed`` on, make a second study of the same size."""
    return [Run(rate, seed) for rate in RATES for seed in range(first_seed, first_seed + SEEDS)]


def options(description: str | None) -> argparse.ArgumentParser:
    """What every peer takes on the command line."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--style", choices=get_args(Style), default="tuned")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--runs-dir", type=Path, required=True)
    return parser


@cache
def digits() -> tuple[Array, Array]:
    """x float32 (1797, 64) in [0, 1], y int64 (1797,): those of ``sklearn.datasets.load_digits``, read faster."""
    with np.load(_DIGITS) as arrays:
        return arrays["x"].reshape(-1, 64).astype(np.float32) / 16, arrays["y"].astype(np.int64)


def split(labels: Array, seed: int) -> tuple[Array, Array]:
    """Numbers of the 1,617 samples to train on and of the 180 to validate on, each class in proportion."""
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    amount = round(len(labels) * VALIDATION)
    # Every tenth of a list sorted by class, from a place in the first tenth that is drawn.
    chosen = (np.arange(amount) + rng.random()) * (len(labels) / amount)
    held_out = np.zeros(len(labels), bool)
    held_out[by_class[chosen.astype(np.int64)]] = True
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def table(metrics: Iterable[Sequence[float]]) -> list[dict[str, float]]:
    """The lines of a metrics file, from the four of ``METRICS`` for each epoch."""
    return [{"epoch": epoch, **dict(zip(METRICS, row, strict=True))} for epoch, row in enumerate(metrics, 1)]


def write(
    folder: Path, config: Mapping[str, Any], lines: Sequence[Mapping[str, float]], weights: Mapping[str, Array]
) -> None:
    """The folder of a run: its configuration, its metrics as JSON lines, its weights."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    np.savez(folder / "weights.npz", **weights)


def config(run: Run, epochs: int) -> dict[str, Any]:
    """The settings of a run, written into its folder."""
    return {
        "dataset": "digits",
        "hidden": [HIDDEN],
        "dropout": run.rate,
        "seed": run.seed,
        "optimizer": {"name": "adam", "lr": LR},
        "batch_size": BATCH,
        "validation": VALIDATION,
        "epochs": epochs,
    }
