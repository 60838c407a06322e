import numpy as np
import pytest

from dltricks.core.errors import DamagedError
from dltricks.datasets.fashion_mnist import FashionMnist

IMAGES = np.arange(3 * 28 * 28).astype(np.uint8).reshape(3, 28, 28)
LABELS = np.array([9, 0, 3], np.uint8)


class Folder:
    """Files that are taken as they are, and what was asked for."""

    def __init__(self, root):
        self.root = root
        self.asked = []

    def locate(self, folder, name, sha256, urls, *, compressed):
        self.asked.append((folder, name, sha256, list(urls), compressed))
        return self.root / name

    def resolve(self, path):
        raise AssertionError("not a user's file")


def write_idx(path, array):
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes())


@pytest.fixture
def files(tmp_path):
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte", IMAGES)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte", LABELS)
    return Folder(tmp_path)


def test_four_files_make_two_parts(files):
    data = FashionMnist().load(files, 0)
    np.testing.assert_array_equal(data.x[..., 0], IMAGES)
    np.testing.assert_array_equal(data.test_y, LABELS)
    assert data.classes[9] == "Ankle boot"


def test_every_file_has_its_own_sum_and_several_mirrors(files):
    FashionMnist().load(files, 0)
    assert [folder for folder, *_ in files.asked] == ["fashion_mnist"] * 4
    assert len({sha256 for _, _, sha256, *_ in files.asked}) == 4
    for _, name, sha256, urls, compressed in files.asked:
        assert compressed
        assert len(bytes.fromhex(sha256)) == 32
        assert len(urls) >= 2
        assert all(url.endswith(f"/{name}.gz") for url in urls)


@pytest.mark.parametrize("labels", [LABELS[:2], np.array([9, 0, 10], np.uint8)])
def test_labels_that_do_not_fit_are_damage(files, labels):
    write_idx(files.root / "t10k-labels-idx1-ubyte", labels)
    with pytest.raises(DamagedError, match="fashion_mnist: "):
        FashionMnist().load(files, 0)
