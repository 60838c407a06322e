import numpy as np
import pytest

from dltricks.core.errors import DamagedError, UsageError
from dltricks.datasets.npz import Npz

X = np.random.default_rng(0).random((6, 3))
Y = np.array([0, 1, 2, 0, 1, 2])


class Files:
    def __init__(self, root):
        self.root = root

    def resolve(self, path):
        return self.root / path


@pytest.fixture
def load(tmp_path):
    def load(task="classification", **arrays):
        np.savez(tmp_path / "a.npz", **arrays)
        return Npz("a.npz", task).load(Files(tmp_path), 0)

    return load


def test_a_table_with_classes(load):
    data = load(x=X, y=Y.astype(np.uint8))
    np.testing.assert_array_equal(data.x, X)
    np.testing.assert_array_equal(data.y, Y)
    assert data.y.dtype == np.int64
    assert list(data.classes) == ["0", "1", "2"]
    assert data.test_x is None


def test_images_with_a_test_part_and_names(load):
    x = np.zeros((6, 2, 2, 1), np.uint8)
    data = load(x=x, y=Y, test_x=x[:2], test_y=Y[:2], classes=np.array(["a", "b", "c"]))
    assert data.x.dtype == np.uint8
    assert data.test_x.shape == (2, 2, 2, 1)
    assert data.test_y.tolist() == [0, 1]
    assert list(data.classes) == ["a", "b", "c"]


@pytest.mark.parametrize(("y", "names"), [(X[:, 0], ["y"]), (X[:, :2], ["y0", "y1"]), (Y, ["y"])])
def test_regression_takes_numbers_of_one_or_more_targets(load, y, names):
    data = load("regression", x=X, y=y, test_x=X[:2], test_y=y[:2])
    assert data.y.shape == (6, len(names))
    assert data.y.dtype == np.float64
    assert data.test_y.shape == (2, len(names))
    assert list(data.targets) == names
    assert not data.classes


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X}, r"no array 'y' \(found: x\)"),
        ({"X": X, "y": Y}, "no array 'x'; names are in lower case"),
        ({"x": X, "y": Y, "z": Y}, "array 'z' has no meaning"),
        ({"x": X, "y": Y, "test_x": X}, "only one is there"),
        ({"x": X[0], "y": Y}, r"'x' is \(3,\); \(N, features\) or"),
        ({"x": np.zeros((6, 4, 4)), "y": Y}, "last axis of channels"),
        ({"x": X[:0], "y": Y[:0]}, "'x' is empty"),
        ({"x": np.where(X > 0.5, np.nan, X), "y": Y}, "'x' holds nan"),
        ({"x": X, "y": Y[:5]}, r"'y' is \(5,\); .* \(6,\)"),
        ({"x": X, "y": Y[:, None]}, r"'y' is \(6, 1\)"),
        ({"x": X, "y": Y / 2}, "classes are whole numbers"),
        ({"x": X, "y": Y - 1}, "holds -1; classes are numbered from 0"),
        ({"x": X, "y": Y * 2}, "class 1 has no samples"),
        ({"x": X, "y": Y + 10**15}, "class 0 has no samples"),
        ({"x": X, "y": Y.astype(np.uint64) + np.uint64(2**63)}, "without gaps"),
        ({"x": X, "y": Y * 0}, "at least 2"),
        ({"x": X, "y": Y, "classes": np.array(["a", "b"])}, "holds class 2, but 'classes' has 2 names"),
        ({"x": X, "y": Y, "classes": np.array(list("abcd"))}, "class d has no samples"),
        ({"x": X, "y": Y, "classes": np.array(list("aba"))}, "the same name"),
        ({"x": X, "y": Y, "classes": np.arange(3)}, "a list of texts"),
        ({"x": X, "y": Y, "test_x": X[:, :2], "test_y": Y}, "differ in more than their length"),
        ({"x": X, "y": Y, "test_x": X, "test_y": Y + 1}, "class 3 of 'test_y' has no samples"),
        ({"x": X, "y": Y, "test_x": X[:0], "test_y": Y[:0]}, "'test_x' is empty"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(load, arrays, message):
    with pytest.raises(UsageError, match=message):
        load(**arrays)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": X, "y": X[:, 0], "classes": np.array(["a"])}, "the task is regression"),
        ({"x": X, "y": X[:5, 0]}, r"'y' is \(5,\)"),
        ({"x": X, "y": X[:, :0]}, r"'y' is \(6, 0\)"),
        ({"x": X, "y": X[:, :2], "test_x": X, "test_y": X}, "'test_y' has 3 targets, 'y' has 2"),
    ],
)
def test_targets_that_do_not_fit_are_refused(load, arrays, message):
    with pytest.raises(UsageError, match=message):
        load("regression", **arrays)


def test_text_in_place_of_numbers_is_damage(load):
    with pytest.raises(DamagedError, match="'x' holds <U32, but numbers"):
        load(x=X.astype(str), y=Y)
    with pytest.raises(DamagedError, match="'y' holds <U21, but numbers"):
        load("regression", x=X, y=Y.astype(str))


def test_a_broken_file_is_damage(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"no zip at all")
    with pytest.raises(DamagedError, match=r"a\.npz"):
        Npz("a.npz").load(Files(tmp_path), 0)


def test_the_file_is_part_of_a_run(tmp_path):
    assert Npz("a.npz").user_files() == ["a.npz"]


def test_new_inputs_come_as_arrays(load, tmp_path):
    data = load(x=X, y=Y)
    np.save(tmp_path / "new.npy", X[:2])
    np.testing.assert_array_equal(Npz("a.npz").predict_inputs(tmp_path / "new.npy", data), X[:2])
