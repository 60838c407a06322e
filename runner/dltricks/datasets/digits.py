"""Digits: 1,797 real handwritten digits of 8x8 pixels, inside the package."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dltricks.core.dataset import Data, Dataset, Files
from dltricks.core.errors import DamagedError, FileSystemError

_FILE = Path(__file__).parent / "files" / "digits.npz"
_SHA256 = "6e8c29c1b9e20785e8ddb611405ab1b668c6b96a3b9ff5af2b74e04fbf6bab47"


@dataclass
class Digits(Dataset):
    """x: (1797, 8, 8, 1), pixels 0..16        y: digits 0..9        no test part

    Each pixel counts the black ones of a 4x4 block of a 32x32 bitmap. Written by 13 people; the test part of
    "Optical Recognition of Handwritten Digits" by Alpaydin & Kaynak, UCI Machine Learning Repository,
    CC BY 4.0.

    Reference: https://doi.org/10.24432/C50P49
    Suggested: the first thing to train on; no download.
    Does not help when tricks differ by less than 1 %: its validation part is too small to show that.
    """

    def load(self, files: Files, seed: int) -> Data:
        try:
            content = _FILE.read_bytes()
        except OSError as error:
            raise FileSystemError(f"{_FILE}: {error.strerror}; install dltricks again") from error
        if hashlib.sha256(content).hexdigest() != _SHA256:
            raise DamagedError(f"{_FILE} is damaged; install dltricks again")
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            x, y = arrays["x"], arrays["y"].astype(np.int64)
        return Data("classification", x, y, classes=[str(i) for i in range(10)], interval=(0.0, 16.0))
