"""MNIST: 70,000 handwritten digits of 28x28 pixels."""

from __future__ import annotations

from dataclasses import dataclass

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.idx import load_idx_images

# Of the uncompressed files.
_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)


@dataclass
class Mnist(Dataset):
    """x: (60000, 28, 28, 1), pixels 0..255        y: digits 0..9        test: 10,000

    Its four IDX files, plain or gzip, lie in a folder ``mnist``; docs/data.md says where that is looked for.

    Reference: LeCun, Bottou, Bengio & Haffner 1998, http://yann.lecun.com/exdb/mnist/
    Suggested: with ``validation: 0.1``, and the test part for the last word.
    Does not help when strong tricks are compared: most networks end between 98 and 99.5 %.
    """

    def load(self, files: Files, seed: int) -> Data:
        return load_idx_images(files, "mnist", _SHA256, _MIRRORS, [str(i) for i in range(10)])
