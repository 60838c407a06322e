"""Files of data: whatever has become of their bytes, the run that they belonged to never goes on with others."""

from __future__ import annotations

import gzip
import hashlib
import io
import struct
import sys
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import Call, tree
from core.npy import npy
from faults.laboratory import damages, untouched

from dltricks.core import idx
from dltricks.core.dataset import Data
from dltricks.core.errors import DamagedError, UsageError
from dltricks.datasets import digits
from dltricks.datasets.csv import Csv
from dltricks.datasets.npz import Npz
from dltricks.execution.data import Datasets
from dltricks.experiment.datafiles import DataFiles
from dltricks.experiment.document import Document
from dltricks.experiment.resolve import resolve

pytestmark = pytest.mark.usefixtures("quick")

posix = pytest.mark.skipif(sys.platform == "win32", reason="such a device is a file of POSIX")
ALL_OR_SOME = [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(7, id="some")]
ROWS = "".join(f"{i % 7}.5,{'red' if i % 3 else 'blue'},{'yes' if i % 2 else 'no'}\n" for i in range(24))
TABLE = "length,colour,bought\n" + ROWS
EXPERIMENT = """\
name: own
dataset: {dataset}
architecture: {{name: mlp, hidden: [3]}}
optimizer: adam
batch_size: 8
epochs: 2
checkpoint_seconds: 1e-9
"""
FORMS = {
    "table.csv": "{name: csv, path: table.csv, target: bought, categorical: onehot}",
    "arrays.npz": "{name: npz, path: arrays.npz}",
}


def write(folder: Path, name: str) -> bytes:
    """A data file, and an experiment on it, own.yaml."""
    if name == "table.csv":
        (folder / name).write_text(TABLE)
    else:
        rng = np.random.default_rng(0)
        np.savez_compressed(folder / name, x=rng.random((20, 2)).astype(np.float32), y=np.arange(20) % 2)
    (folder / "own.yaml").write_text(EXPERIMENT.format(dataset=FORMS[name]))
    return (folder / name).read_bytes()


def hash_of(folder: Path, name: str) -> str:
    values: dict[str, Any] = {"dataset": {"name": "csv", "path": name, "target": "bought", "categorical": "onehot"}}
    if name == "arrays.npz":
        values = {"dataset": {"name": "npz", "path": name}}
    values |= {"architecture": {"name": "mlp", "hidden": [3]}, "optimizer": "adam"}
    return resolve(Document("own", values, path=folder / "own.yaml")).hash


@pytest.mark.parametrize("stride", ALL_OR_SOME)
@pytest.mark.parametrize("name", FORMS)
def test_any_damaged_byte_of_a_users_file_makes_another_run(tmp_path: Path, name: str, stride: int) -> None:
    """Another hash and so another folder, or a sentence about the file; what is loaded is finite."""
    content = write(tmp_path, name)
    dataset = Npz(name) if name == "arrays.npz" else Csv(name, "bought", categorical="onehot")
    hashes, told = {hash_of(tmp_path, name)}, set()
    cases = 0
    for damaged in damages(content, stride):
        (tmp_path / name).write_bytes(damaged)
        if cases % 5 == 0:
            hashes.add(hash_of(tmp_path, name))
        cases += 1
        try:
            data = dataset.load(DataFiles(base=tmp_path, quiet=True), 0)
        except (DamagedError, UsageError) as error:
            told.add(str(error))
        else:
            assert np.isfinite(data.x).all()
            assert len(data.x) == len(data.y)
    assert len(hashes) == 1 + -(-cases // 5)
    assert told
    assert all(name in message for message in told)


def test_changed_data_do_not_go_on_silently(cli: Call, folder: Path) -> None:
    """The command trains another run and says so; the one that was begun is left as it was."""
    content = write(folder, "table.csv")
    cli("train", "own.yaml", "--quiet")
    (run,) = folder.glob("runs/own/*/config.yaml")
    (run.parent / "run.json").unlink()
    (folder / "table.csv").write_bytes(content.replace(b"3.5", b"3.7", 1))
    with untouched(run.parent):
        found = cli("train", "own.yaml", "--quiet")
    assert found.code == 0
    assert f"another run than {run.parent.relative_to(folder)}, since which table.csv changed" in found.err
    assert len(list(folder.glob("runs/own/*/run.json"))) == 1
    (folder / "table.csv").write_bytes(content)
    assert "goes on after" in cli("train", "own.yaml", "--quiet").err


def test_missing_data_are_named_and_nothing_is_written(cli: Call, folder: Path) -> None:
    write(folder, "table.csv")
    cli("train", "own.yaml", "--quiet")
    (folder / "table.csv").rename(folder / "tables.csv")
    with untouched(folder):
        found = cli("train", "own.yaml", "--quiet")
    assert found.code == 2
    assert "own.yaml:2: dataset.path: no file" in found.err
    assert "did you mean" in found.err
    assert "tables.csv" in found.err


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a" * 5000, "File name too long"),
        ("table.csv/b", "no file"),
        (".", "is a folder; a file is needed"),
        pytest.param("/dev/zero", "is a pipe or a device; a file is needed", marks=posix),
    ],
)
def test_paths_that_lead_to_no_file(cli: Call, folder: Path, path: str, problem: str) -> None:
    write(folder, "table.csv")
    text = (folder / "own.yaml").read_text().replace("path: table.csv", f"path: {path}")
    (folder / "own.yaml").write_text(text)
    with untouched(folder):
        found = cli("train", "own.yaml", "--quiet")
    assert found.code == 2
    assert "own.yaml:2: dataset.path: " in found.err
    assert problem in found.err


def test_a_finished_run_whose_data_are_missing_or_changed_cannot_be_measured(cli: Call, folder: Path) -> None:
    content = write(folder, "table.csv")
    cli("train", "own.yaml", "--quiet")
    (run,) = (path.parent.relative_to(folder) for path in folder.glob("runs/own/*/config.yaml"))
    assert cli("evaluate", run).code == 0
    (folder / "table.csv").write_bytes(content + b"1,red,yes\n")
    changed = cli("evaluate", run)
    assert changed.code == 4
    assert f"{run}: a data file or plugin that it was trained with has changed since" in changed.err
    (folder / "table.csv").unlink()
    missing = cli("evaluate", run)
    assert missing.code == 4
    assert f"{run}: what it was trained with is missing: " in missing.err
    assert "table.csv" in missing.err


@pytest.mark.parametrize("name", FORMS)
def test_data_that_change_while_they_are_read_are_damage(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, cli: Call
) -> None:
    """After the hash was taken, and before they are loaded."""
    content = write(folder, name)
    load = Datasets.load

    def change(self: Datasets, experiment: Any) -> Data:
        (folder / name).write_bytes(content.replace(b"3.5", b"3.7") if name == "table.csv" else content + b"\0")
        return load(self, experiment)

    monkeypatch.setattr(Datasets, "load", change)
    found = cli("train", "own.yaml", "--quiet")
    assert found.code == 4
    assert name in found.err
    assert not (folder / "runs").exists()


@pytest.mark.parametrize(
    "stride", [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(997, id="some")]
)
def test_any_damaged_byte_of_the_digits_in_the_package(monkeypatch: pytest.MonkeyPatch, stride: int) -> None:
    content = digits._FILE.read_bytes()
    path = Held(digits._FILE)
    monkeypatch.setattr(digits, "_FILE", path)
    path.content = content
    assert len(digits.Digits().load(DataFiles(), 0).x) == 1797
    for damaged in damages(content, stride):
        path.content = damaged
        with pytest.raises(DamagedError, match=r"digits\.npz is damaged; install dltricks again"):
            digits.Digits().load(DataFiles(), 0)


class Held:
    """A file that holds what is given, without a disk."""

    def __init__(self, path: Path) -> None:
        self.path, self.content = path, b""

    def __str__(self) -> str:
        return str(self.path)

    def read_bytes(self) -> bytes:
        return self.content


IMAGES = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
LABELS = np.array([0, 1, 2, 1, 0], np.uint8)


def as_idx(array: np.ndarray[Any, Any]) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.tobytes()


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The four files of a data set in the IDX format, packed, by name."""
    import pooch

    monkeypatch.setattr(pooch, "os_cache", lambda project: tmp_path / "cache")
    monkeypatch.delenv("DLTRICKS_DATA", raising=False)
    plain = {name: as_idx(LABELS if "labels" in name else IMAGES) for name in idx._PARTS}
    for name, content in plain.items():
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content, mtime=0))
    return plain


def load_idx(folder: Path, parts: dict[str, bytes]) -> Data:
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in parts.items()}
    return idx.load_idx_images(DataFiles(folder, quiet=True), "some", sums, [], ["a", "b", "c"])


@pytest.mark.parametrize("packed", [True, False], ids=["packed", "plain"])
@pytest.mark.parametrize("name", ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"])
def test_any_damaged_byte_of_an_idx_file(tmp_path: Path, parts: dict[str, bytes], name: str, packed: bool) -> None:
    whole = load_idx(tmp_path, parts)
    path = tmp_path / f"{name}.gz"
    if not packed:
        path.unlink()
        path = tmp_path / name
        path.write_bytes(parts[name])
    content = path.read_bytes()
    refused = 0
    for damaged in damages(content, 1):
        path.write_bytes(damaged)
        try:
            found = load_idx(tmp_path, parts)
        except DamagedError as error:
            message = str(error)
            assert path.name in message
            refused += 1
        else:  # in the header of gzip, which says when and by whom it was packed
            assert packed
            assert found.x.tobytes() == whole.x.tobytes()
            assert found.test_y is not None
            assert found.test_y.tobytes() == LABELS.astype(np.int64).tobytes()
    assert refused >= 2 * len(content) - 10 * packed


@pytest.mark.parametrize("stride", ALL_OR_SOME)
def test_any_damaged_byte_of_an_idx_file_that_no_sum_is_known_of(tmp_path: Path, stride: int) -> None:
    path = tmp_path / "images"
    for content in (as_idx(IMAGES), gzip.compress(as_idx(IMAGES), mtime=0)):
        for damaged in damages(content, stride):
            path.write_bytes(damaged)
            try:
                found = idx.read_idx(path)
            except DamagedError:
                continue
            assert found.size == 60


def _bomb(path: Path) -> None:
    """A gibibyte of zeros in a mebibyte, its sizes told honestly."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.npy", "w") as file:
        header = npy(np.zeros(0), shape=(2**27,))
        file.write(header)
        for _ in range(64):
            file.write(bytes(2**24))


def _many(path: Path) -> None:
    """Arrays that are each small enough to be believed."""
    content = npy(np.zeros(2**20))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(40):
            archive.writestr(f"x{number}.npy", content)


def _pickled(path: Path) -> None:
    np.savez(path, x=np.array([{}, {}], object), y=np.arange(2))


def _lying(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", npy(np.zeros(4), shape=(10**12,)))


def _complex(path: Path) -> None:
    np.savez(path, x=np.zeros((2, 2), complex), y=np.arange(2))


@pytest.mark.parametrize("hostile", [_bomb, _many, _pickled, _lying, _complex])
def test_hostile_arrays_are_refused_before_memory_is_allocated(cli: Call, folder: Path, hostile: Any) -> None:
    write(folder, "arrays.npz")
    hostile(folder / "arrays.npz")
    before = tree(folder)
    cli("check", "own.yaml")  # what is imported when it is needed
    tracemalloc.start()
    try:
        found = cli("train", "own.yaml", "--quiet")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.code == 4
    assert "arrays.npz" in found.err
    assert peak < 16 * 2**20
    assert tree(folder) == before


def test_a_packed_file_that_is_large_in_earnest_is_read(tmp_path: Path) -> None:
    """What is refused is a ratio, not a size."""
    raw = io.BytesIO()
    np.savez_compressed(raw, x=np.zeros((2000, 100)), y=np.arange(2000) % 2)
    (tmp_path / "arrays.npz").write_bytes(raw.getvalue())
    assert len(raw.getvalue()) * 100 < 2000 * 100 * 8
    assert Npz("arrays.npz").load(DataFiles(base=tmp_path), 0).x.shape == (2000, 100)
