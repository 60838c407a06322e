"""The study in scikit-learn, as far as it goes: forty seeds of ``MLPClassifier``, which knows no dropout.

    python benchmarks/study_sklearn.py --runs-dir DIR [--epochs 30] [--style tuned] [--processes 2]

``ordinary`` is the classifier with its defaults (Adam, rate, penalty, tolerance), in the processes that joblib makes of
itself ("loky"). ``tuned`` leaves the penalty out and forks, so that processes have scikit-learn loaded already.

Each process computes with one thread. Left out, to its advantage: dropout, the accuracy on the training part, and
validation after each epoch. Those would take ``partial_fit`` and a loop of one's own, which is slower; here one call of
``fit`` does everything, and loss and accuracy of validation are measured once, at the end.
"""

from __future__ import annotations

import os

# Before numpy is loaded, here and in the processes to come.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import warnings
from pathlib import Path

import joblib
import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from study_common import BATCH, CLASSES, HIDDEN, LR, Run, Style, config, digits, options, runs, split, write


def classifier(style: Style, epochs: int, seed: int) -> MLPClassifier:
    """64-64-10."""
    if style == "ordinary":
        return MLPClassifier(hidden_layer_sizes=(HIDDEN,), batch_size=BATCH, max_iter=epochs, random_state=seed)
    return MLPClassifier(
        (HIDDEN,),
        solver="adam",
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=LR,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=seed,
    )


def train(run: Run, style: Style, epochs: int, runs_dir: Path) -> None:
    """One run, from its seed to its folder."""
    x, y = digits()
    train_part, val_part = split(y, run.seed)
    model = classifier(style, epochs, run.seed)
    with warnings.catch_warnings(action="ignore", category=ConvergenceWarning):
        model.fit(x[train_part], y[train_part])
    probabilities = model.predict_proba(x[val_part])
    lines = [{"epoch": epoch, "train_loss": float(loss)} for epoch, loss in enumerate(model.loss_curve_, 1)]
    lines[-1]["val_loss"] = float(log_loss(y[val_part], probabilities, labels=np.arange(CLASSES)))
    lines[-1]["val_accuracy"] = float((probabilities.argmax(1) == y[val_part]).mean())
    weights = {f"coefs{i}": w for i, w in enumerate(model.coefs_)}
    weights |= {f"intercepts{i}": b for i, b in enumerate(model.intercepts_)}
    write(runs_dir / run.name, config(run, epochs), lines, weights)


def main() -> None:
    """Trains as many runs as the study has."""
    parser = options(__doc__)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    # Rate and seed of the study say only which of forty seeds it is.
    forty = [Run(0.0, seed) for seed in range(len(runs()))]
    # The whole study takes 6.0 s in forked processes, 7.2 s with "loky".
    backend = "loky" if arguments.style == "ordinary" else "multiprocessing"
    with joblib.parallel_config(backend, n_jobs=arguments.processes):
        joblib.Parallel()(
            joblib.delayed(train)(run, arguments.style, arguments.epochs, arguments.runs_dir) for run in forty
        )


if __name__ == "__main__":
    main()
