"""What an experiment file expects of its runs."""

from __future__ import annotations

from dltricks.api.session import Run
from dltricks.experiment.settings import Comparison


def missed(run: Run) -> list[str]:
    """A sentence for each expectation that a run's stored weights do not meet.

    Training and validation metrics are those of the epoch whose weights are stored, test metrics those of the weights.
    """
    sentences = []
    for metric, text in run.config["expect"].items():
        comparison = Comparison.parse(text)
        assert comparison is not None  # config.yaml holds what was parsed before
        value = run.recorded.get(metric)
        if value is None:
            sentences.append(f"{run.path}: expected {metric} {text}, but the run has no {metric}")
        elif not comparison.met(value):
            sentences.append(f"{run.path}: expected {metric} {text}, found {value:.6g}")
    return sentences
