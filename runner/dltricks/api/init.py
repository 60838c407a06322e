"""Writes a commented experiment file to begin with."""

from __future__ import annotations

import shlex
from pathlib import Path

from dltricks.api.session import PathLike
from dltricks.core.errors import UsageError
from dltricks.experiment.scalars import FORBIDDEN, write_scalar
from dltricks.runs import files
from dltricks.runs.names import safe_label

STARTER = """\
# yaml-language-server: $schema=dltricks.schema.json
# Train with:   dltricks train {file}
# Look first:   dltricks check {file}
# All tricks:   dltricks tricks      one of them: dltricks tricks adam
# Completion in editors reads the schema named above: dltricks schema --output dltricks.schema.json
name: {name}

# What is learned. A table of your own: dataset: {{name: csv, path: data.csv, target: label}}
dataset: digits
validation: 0.1            # share kept out of training; "test" validates on the test part
scaling: unit              # inputs to [0, 1]; or symmetric, standardize, none

# The network.
architecture: {{name: mlp, hidden: [64, 64]}}
activation: relu
initializer: he
normalization: none        # or batch, layer, weight, group, instance, rms
dropout: none              # or a rate between 0 and 1

# How it is trained.
loss: cross_entropy
optimizer: {{name: adam, lr: 1e-3}}
penalty: none              # or {{name: l2, strength: 1e-4}}
clipping: none             # or a number, which clips the gradient's norm
schedule: constant         # or {{name: cosine, warmup: 1}}
early_stopping: none       # or {{patience: 5}}
averaging: none            # or ema, swa
epochs: 20
batch_size: 32
seed: 0

# A missed expectation ends `dltricks train` with exit code 9.
expect: {{val_accuracy: ">= 0.9"}}
"""


def init(file: PathLike = "experiment.yaml") -> Path:
    """Writes the starter file and returns its path.

    Raises:
        UsageError: the file exists, and is left as it is; or it cannot be written there.
    """
    path = Path(file)
    if FORBIDDEN.search(str(path)) or "\n" in str(path):
        raise UsageError(f"{str(path)!a} contains a character that no experiment file may hold; give another name")
    if path.exists() or path.is_symlink():
        raise UsageError(f"{path} exists already; give another name")
    if not path.parent.is_dir():
        raise UsageError(f"{path.parent} is not a folder")
    text = STARTER.format(file=shlex.quote(str(path)), name=write_scalar(safe_label(path.stem)))
    files.write_atomically(path, text.encode())
    return path
