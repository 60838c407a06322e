from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import dltricks
from dltricks.api.session import open_run
from dltricks.core.errors import DamagedError, UsageError


@pytest.fixture
def run(folder: Path) -> Path:
    return dltricks.train("small.yaml", epochs=8)[0].path


def test_classes_with_probabilities(run: Path) -> None:
    data = open_run(run).data
    np.save("new.npy", data.x[:50])
    found = dltricks.predict(run, "new.npy")
    assert found.values.shape == (50, 10)
    assert found.classes == [str(digit) for digit in range(10)]
    assert found.targets == []
    np.testing.assert_allclose(found.values.sum(1), 1, rtol=1e-6)
    assert (found.values.argmax(1) == data.y[:50]).mean() > 0.8
    for number, row in enumerate(found.rows):
        assert row["row"] == number
        assert row["prediction"] == str(found.values[number].argmax())
        assert [row[f"p({name})"] for name in found.classes] == found.values[number].tolist()


def test_npz_and_npy_are_alike(run: Path) -> None:
    x = open_run(run).data.x[:5]
    np.save("new.npy", x)
    np.savez("new.npz", x=x)
    np.testing.assert_array_equal(dltricks.predict(run, "new.npy").values, dltricks.predict(run, "new.npz").values)


def test_predictions_do_not_depend_on_their_neighbours(run: Path) -> None:
    x = open_run(run).data.x
    np.save("all.npy", x)
    np.save("one.npy", x[7:8])
    np.testing.assert_allclose(
        dltricks.predict(run, "all.npy").values[7], dltricks.predict(run, "one.npy").values[0], rtol=1e-5
    )


def test_a_table_goes_through_its_training_encoding(folder: Path) -> None:
    rows = [f"{i / 60},{'red' if i % 2 else 'blue'},{'warm' if i % 2 else 'cold'}" for i in range(60)]
    (folder / "data.csv").write_text("\n".join(["size,colour,label", *rows]) + "\n")
    (run,) = dltricks.train(
        "small.yaml",
        dataset={"name": "csv", "path": "data.csv", "target": "label", "categorical": "onehot"},
        limit="none",
        epochs=20,
        optimizer={"name": "adam", "lr": 0.05},
    )
    (folder / "new.csv").write_text("colour,size\nred,0.1\nblue,0.9\n")
    found = dltricks.predict(run.path, "new.csv")
    assert [row["prediction"] for row in found.rows] == ["warm", "cold"]
    assert set(found.classes) == {"cold", "warm"}
    (folder / "unknown.csv").write_text("colour,size\ngreen,0.1\n")
    with pytest.raises(UsageError, match=r"unknown.csv:2: .*'green', which the training file never has"):
        dltricks.predict(run.path, "unknown.csv")
    (folder / "lacking.csv").write_text("size\n0.1\n")
    with pytest.raises(UsageError, match="colour"):
        dltricks.predict(run.path, "lacking.csv")


def test_gaps_in_new_rows_get_the_training_part_s_mean(folder: Path) -> None:
    rows = [f"{i if i % 5 else ''},{i % 7},{'yes' if i % 2 else 'no'}" for i in range(60)]
    (folder / "data.csv").write_text("\n".join(["a,b,label", *rows]) + "\n")
    data = {"name": "csv", "path": "data.csv", "target": "label", "missing": "mean"}
    (run,) = dltricks.train("small.yaml", dataset=data, limit="none", epochs=1)
    stored = open_run(run.path)
    mean = np.nanmean(stored.data.x[stored.evaluator.split.train, 0])
    (folder / "new.csv").write_text(f"a,b\n,3\n{float(mean)!r},3\n")
    gap, filled = dltricks.predict(run.path, "new.csv").values
    np.testing.assert_allclose(gap, filled, rtol=1e-6)


def test_regression_gives_numbers(folder: Path) -> None:
    x = np.random.default_rng(0).normal(size=(100, 2))
    np.savez("data.npz", x=x, y=x @ np.array([[1.0, -1.0], [2.0, 0.0]]))
    (run,) = dltricks.train(
        "small.yaml",
        dataset={"name": "npz", "path": "data.npz", "task": "regression"},
        limit="none",
        epochs=40,
        optimizer={"name": "adam", "lr": 0.02},
    )
    np.save("new.npy", x[:3])
    found = dltricks.predict(run.path, "new.npy")
    assert found.classes == []
    assert len(found.targets) == 2
    assert [list(row) for row in found.rows] == [["row", *found.targets]] * 3
    np.testing.assert_allclose(found.values, x[:3] @ np.array([[1.0, -1.0], [2.0, 0.0]]), atol=0.5)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.npy", None, "none.npy: no such file"),
        ("folder.npy", "folder", "folder.npy: a folder, where a file is needed"),
        ("text.txt", b"1 2 3", r"text.txt: inputs for this model come as .npy, or as .npz with an array 'x'"),
        ("shape.npy", np.zeros((3, 5)), r"shape.npy: 'x' has the shape \(3, 5\)"),
        ("nan.npy", np.full((1, 8, 8, 1), np.nan), "nan.npy"),
    ],
)
def test_inputs_that_do_not_fit(run: Path, name: str, content: object, message: str) -> None:
    if isinstance(content, np.ndarray):
        np.save(name, content)
    elif content == "folder":
        Path(name).mkdir()
    elif isinstance(content, bytes):
        Path(name).write_bytes(content)
    with pytest.raises(UsageError, match=message):
        dltricks.predict(run, name)


def test_text_in_place_of_numbers_is_damage(run: Path) -> None:
    np.save("text.npy", np.array(["a"]))
    with pytest.raises(DamagedError, match=r"text.npy: 'x' holds .*, but numbers are needed"):
        dltricks.predict(run, "text.npy")


def test_a_broken_file(run: Path) -> None:
    Path("broken.npy").write_bytes(b"\x93NUMPY\x01")
    with pytest.raises(DamagedError, match=r"broken\.npy"):
        dltricks.predict(run, "broken.npy")


def test_finite_inputs_that_overflow_on_the_way(folder: Path) -> None:
    huge = {"name": "uniform", "limit": 1e10}
    (run,) = dltricks.train("small.yaml", dtype="float64", initializer=huge, epochs=1)
    new = open_run(run.path).data.x[:3].astype(np.float64)
    new[1:] *= 1e300
    np.save("new.npy", new)
    with pytest.raises(UsageError, match=r"new\.npy: the prediction for row 1 .* in float64"):
        dltricks.predict(run.path, "new.npy")
