"""What an experiment file expects of its runs."""

from __future__ import annotations

from collections.abc import Mapping

from dltricks.api.session import Run
from dltricks.experiment.settings import Comparison


def missed(run: Run, expect: Mapping[str, Comparison]) -> list[str]:
    """A sentence for each expectation that a run's stored weights do not meet.

    Training and validation metrics are those of the epoch whose weights are stored, test metrics those of the weights.

    Args:
        run: which may have been trained when the file expected something else.
        expect: what the file expects now.
    """
    sentences = []
    for metric, comparison in sorted(expect.items()):
        value = run.recorded.get(metric)
        if value is None:
            sentences.append(f"{run.path}: expected {metric} {comparison}, but the run has no {metric}")
        elif not comparison.met(value):
            sentences.append(f"{run.path}: expected {metric} {comparison}, found {value:.6g}")
    return sentences
