import numpy as np
import pytest

from dltricks.core.errors import DamagedError
from dltricks.datasets import digits
from dltricks.datasets.digits import Digits


def test_all_1797_images_are_there():
    data = Digits().load(None, 0)
    assert data.x.shape == (1797, 8, 8, 1)
    assert data.x.dtype == np.uint8
    assert (data.x.min(), data.x.max()) == data.interval == (0, 16)
    assert data.test_x is None
    assert data.y.dtype == np.int64
    assert list(data.classes) == list("0123456789")
    # The counts that the UCI repository gives for the test part.
    assert np.bincount(data.y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_the_first_image_is_a_zero():
    data = Digits().load(None, 0)
    assert data.y[0] == 0
    assert data.x[0, 0, :, 0].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_a_damaged_file_is_noticed(tmp_path, monkeypatch):
    content = bytearray(digits._FILE.read_bytes())
    content[-1] ^= 1
    (tmp_path / "digits.npz").write_bytes(content)
    monkeypatch.setattr(digits, "_FILE", tmp_path / "digits.npz")
    with pytest.raises(DamagedError, match="install dltricks again"):
        Digits().load(None, 0)


def test_the_licence_travels_with_the_file():
    licence = digits._FILE.with_name("digits.LICENSE.md").read_text("utf-8")
    assert "10.24432/C50P49" in licence
    assert "CC BY 4.0" in licence
