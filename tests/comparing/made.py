"""Entries without folders: what a comparison would read."""

import hashlib
import json
from pathlib import Path

import numpy as np

from dltricks.runs.entry import Entry, Epochs

PLAIN = {
    "name": "made",
    "dataset": {"name": "digits"},
    "dropout": {"name": "none"},
    "optimizer": {"name": "adam", "lr": 0.001},
    "epochs": 3,
    "expect": {},
}


def entry(value=0.9, seed=0, status="finished", folder="runs/made", curve=None, role=None, test=None, **config):
    """A run whose val_accuracy ends in a value, and whose configuration is the plain one with some keys changed."""
    config = {**PLAIN, **config, "seed": seed}
    run_hash = hashlib.sha256(json.dumps(config, sort_keys=True).encode()).hexdigest()
    curve = np.array([0.5, 0.7, value] if curve is None else curve, np.float64)
    ended = status in ("finished", "diverged")
    metrics = ("val_accuracy", "val_loss")
    content = curve.tobytes() + (1 - curve).tobytes() + np.ones(len(curve)).tobytes()
    epochs = Epochs(metrics, len(curve), lambda: content)
    last = float(curve[-1])
    return Entry(
        Path(folder) / f"s{seed}-{run_hash[:12]}",
        status,
        "made",
        run_hash,
        config,
        role,
        len(curve),
        {"epoch": 1, "val_accuracy": float(np.max(curve))} if ended else None,
        {"epoch": len(curve), "val_accuracy": last, "val_loss": 1 - last} if ended else None,
        test,
        "it is damaged" if status == "damaged" else None,
        0.0,
        epochs,
    )


def rate(value):
    return {"name": "dropout", "rate": value}


def arm(values, first=0, **config):
    """One run for each value, with the seeds from ``first`` up."""
    return [entry(value, seed, **config) for seed, value in enumerate(values, first)]


def spread(mean, sd=0.01, n=10, seed=0):
    """Values of a normal distribution that always are the same."""
    return [float(value) for value in np.random.default_rng(seed).normal(mean, sd, n)]


def plan(arms, **more):
    """The study.json of arms, given as label -> entries."""
    everything = [each for mine in arms.values() for each in mine]
    parts = {label: [part for part in label.split(",") if part] for label in arms}
    return {
        "kind": "sweep",
        "metric": "val_accuracy",
        "arms": [
            {"label": label, "varied": dict(part.split("=") for part in parts[label] if "=" in part)} for label in arms
        ],
        "seeds": None if not everything else sorted({each.seed for each in everything if isinstance(each.seed, int)}),
        "baseline": None,
        "margin": None,
        "contrasts": None,
        "runs": [{"hash": each.hash, "arm": label, "seed": each.seed} for label, mine in arms.items() for each in mine],
        "tuned": None,
        "notes": [],
        "superseded": [],
        **more,
    }
