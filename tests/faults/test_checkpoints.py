"""Checkpoints and results: an older valid checkpoint with a warning, or exit code 4; never silently wrong."""

from __future__ import annotations

import json
import pickle
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.shell import Call, decisive, only_run, tree
from faults.laboratory import (
    TINY,
    checkpoints,
    contents,
    damages,
    failure,
    finished_like,
    forged,
    interrupt,
    put,
    reopen,
    same,
    stored_header,
    tiny_run,
    train,
    untouched,
)
from runs.forging import exact

from dltricks.core.errors import DamagedError
from dltricks.execution.task import PlannedRun
from dltricks.runs import arrays, checkpoint, reading, sealed

pytestmark = pytest.mark.usefixtures("quick")

FILES = ("config.yaml", "env.json", "metrics.jsonl", "timing.jsonl", "plugins/fuse.py")
NEWEST, OLDER = "checkpoints/0000000003.npz", "checkpoints/0000000002.npz"
ALL_OR_SOME = [pytest.param(1, marks=pytest.mark.faults, id="every"), pytest.param(61, id="some")]
"""Every byte in the long part, every 61st in the normal tests."""


@pytest.fixture
def calm(tmp_path: Path) -> dict[str, bytes]:
    """What the undisturbed run comes to."""
    run = tiny_run(tmp_path, "calm/tiny/s0-000000000000")
    train(run)
    return decisive(run.path)


@pytest.fixture
def run(tmp_path: Path) -> PlannedRun:
    """Interrupted in its second epoch, with checkpoints after the steps 2 and 3."""
    run = tiny_run(tmp_path)
    interrupt(run, 3)
    assert list(checkpoints(run)) == [2, 3]
    return run


@pytest.mark.parametrize("stride", ALL_OR_SOME)
@pytest.mark.parametrize("name", [*FILES, NEWEST, OLDER, ".lock"])
def test_any_damaged_byte_of_an_interrupted_run(
    run: PlannedRun, calm: dict[str, bytes], name: str, stride: int
) -> None:
    before, states = tree(run.path), checkpoints(run)
    lines = {2: reopen(run)[2], 3: reopen(run)[2]}
    assert [len(lines[number]) for number in (2, 3)] == [1, 1]
    put(run.path, before)
    content = (run.path / name).read_bytes()
    refusals = fallbacks = warned = 0
    for number, damaged in enumerate(damages(content, stride)):
        (run.path / name).write_bytes(damaged)
        try:
            found, warnings, metrics = reopen(run)
        except DamagedError as error:
            message = str(error)
            refusals += name in message
        else:
            assert found is not None, "starts over without a word"
            assert same(found.state, states[found.number])
            assert metrics == lines[found.number]
            fallbacks += found.number == 2
            warned += name in " ".join(warnings)
            if number % 101 == 0:
                train(run)
                finished_like(run.path, calm)
        put(run.path, before)
    cases = 2 * -(-len(content) // stride)
    if name == NEWEST:
        assert fallbacks == warned == cases
    elif name in ("config.yaml", "plugins/fuse.py") or name == "metrics.jsonl":
        assert refusals == cases
    else:
        assert refusals == fallbacks == 0
        # Nothing hangs on the lock's content.
        assert warned == (0 if name == ".lock" else cases)


@pytest.mark.parametrize("stride", ALL_OR_SOME)
@pytest.mark.parametrize("name", [*FILES, "run.json", "weights.npz", NEWEST, OLDER])
def test_any_damaged_byte_of_a_finished_run(run: PlannedRun, name: str, stride: int) -> None:
    train(run)
    content = (run.path / name).read_bytes()
    for damaged in damages(content, stride):
        (run.path / name).write_bytes(damaged)
        with pytest.raises(DamagedError, match=name.replace(".", r"\.")):
            reading.verify(run.path)


def test_damage_before_any_checkpoint_costs_nothing(run: PlannedRun, calm: dict[str, bytes]) -> None:
    """Where nothing is trained yet, nothing vouches for config.yaml, and it is written anew."""
    for path in (run.path / "checkpoints").iterdir():
        path.unlink()
    text = (run.path / "config.yaml").read_text()
    (run.path / "config.yaml").write_text(text.replace("name: plan", "name: plam"))
    train(run)
    finished_like(run.path, calm)


@pytest.mark.parametrize(
    "name", ["config.yaml", "run.json", "metrics.jsonl", "weights.npz", "env.json", "timing.jsonl"]
)
@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_the_command_refuses_a_damaged_result(cli: Call, folder: Path, name: str, how: str) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    cli("train", "tiny.yaml", "--quiet")
    run = only_run(folder / "runs")
    cli("train", "tiny.yaml", "seed=1", "--quiet")
    (other,) = (path.parent for path in run.parent.glob("*/config.yaml") if path.parent != run)
    content = bytearray((run / name).read_bytes())
    content[len(content) // 2] ^= 4
    (run / name).write_bytes(content[: len(content) // 3] if how == "cut" else content)
    with untouched(folder):
        found = cli("train", "tiny.yaml", "--quiet")
    assert found.code == 4
    assert str(run.relative_to(folder) / name) in found.err
    assert "--fresh starts anew" in found.err
    with untouched(other):
        assert cli("train", "tiny.yaml", "--quiet", "--fresh").code == 0


def test_the_command_goes_on_from_an_older_checkpoint_with_a_warning(cli: Call, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    cli("train", "tiny.yaml", "--quiet", "--runs-dir", "calm")
    expected = decisive(only_run(folder / "calm"))
    cli("train", "tiny.yaml", "--quiet")
    run = only_run(folder / "runs")
    for name in ("run.json", "weights.npz"):
        (run / name).unlink()
    (run / NEWEST).write_bytes((run / NEWEST).read_bytes()[:-1])
    found = cli("train", "tiny.yaml", "--quiet")
    assert found.code == 0
    assert f"{run.relative_to(folder) / NEWEST}: incomplete" in found.err
    assert "goes on after 2 steps" in found.err
    finished_like(run, expected)


def test_no_valid_checkpoint_is_exit_code_4(cli: Call, folder: Path, run: PlannedRun) -> None:
    for name in (NEWEST, OLDER):
        (run.path / name).write_bytes(b"")
    with untouched(run.path / "checkpoints"):
        failed = failure(run)
    assert failed.code == 4
    assert "0000000003.npz: incomplete" in failed.message
    assert "0000000002.npz: incomplete" in failed.message
    assert "--fresh starts anew" in failed.message


class Trap:
    """Unpickling it would be noticed."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (pytest.fail, ("a pickle was executed",))


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(Trap()))


def _pickled_array(path: Path) -> None:
    np.savez(path, checkpoint=np.array([Trap()], object))


def _zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("p.npy", bytes(2**26))


def _hole(path: Path) -> None:
    """A quarter of a gibibyte that takes no place on the disk, and ends like a checkpoint."""
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(2**28)
        file.seek(-len(content), 2)
        file.write(content)


def _lying_shape(path: Path) -> None:
    """A petabyte, by the header."""
    shape = b"{'descr': '<f8', 'fortran_order': False, 'shape': (123456789012345,)}\n"
    path.write_bytes(exact(shape, bytes(16)))


@pytest.mark.parametrize("hostile", [_pickle, _pickled_array, _zip_bomb, _hole, _lying_shape])
@pytest.mark.parametrize("name", [NEWEST, "weights.npz"])
def test_hostile_files_are_refused_before_memory_is_allocated(
    run: PlannedRun, hostile: Callable[[Path], None], name: str
) -> None:
    if name == "weights.npz":
        train(run)
    hostile(run.path / name)
    tracemalloc.start()
    try:
        with pytest.raises(DamagedError, match=name.replace(".", r"\.")):
            checkpoint.load(run.path / name) if name == NEWEST else reading.read_weights(run.path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20
    if name == NEWEST:
        notices = train(run)
        assert NEWEST in notices[0]
        assert "goes on after 2 steps" in notices[-1]


@pytest.mark.parametrize(
    ("arrays", "drop", "changes", "words"),
    [
        ({"p": np.zeros(1, np.float32)}, (), {}, "p is float32 (1,)"),
        ({"p": np.zeros((), np.float32)}, (), {}, "p is float32 ()"),
        ({"slot.m": np.zeros((2, 3), np.float32)}, (), {}, "slot.m is float32 (2, 3)"),
        ({"p": np.zeros(20, np.float64)}, (), {}, "p is float64"),
        ({"slot.v": np.zeros(20, np.int32)}, (), {}, "slot.v is int32"),
        ({}, ("slot.v",), {}, "slot.v is missing"),
        ({"slot.u": np.zeros(20, np.float32)}, (), {}, "slot.u is unknown"),
        ({"best.w": np.zeros(2, np.float32)}, (), {}, "best."),
        ({}, (), {"t": 4}, "step 4"),
        ({}, (), {"epoch": 1.0}, "not in whole numbers"),
        ({}, (), {"step": 7, "t": 9}, "no place in this training"),
        ({}, (), {"history": []}, "not those of 1 epochs"),
        ({}, (), {"history": [{"epoch": 1, "val_loss": "low"}]}, "not those of 1 epochs"),
        ({}, (), {"best": {"epoch": 7}}, "none of its epochs"),
        ({}, (), {"sums": [1, 2]}, "sums of the epoch"),
        ({}, (), {"sums": [1, 2, float("nan"), 0]}, "sums of the epoch"),
        ({}, (), {"layers": 3}, "statistics of layers"),
    ],
)
def test_what_does_not_fit_is_refused_under_a_right_checksum(
    run: PlannedRun, arrays: dict[str, Any], drop: tuple[str, ...], changes: dict[str, Any], words: str
) -> None:
    """Numpy alone would stretch a single number over all weights, and cut other types to size."""
    forged(run.path / NEWEST, arrays, drop, **changes)
    failed = failure(run)
    assert (failed.code, failed.error) == (4, "DamagedError")
    assert words in failed.message
    assert str(run.path) in failed.message


@pytest.mark.parametrize("name", ["p", "safe.p", "running.2.batch.mean"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_fall_back(
    run: PlannedRun, calm: dict[str, bytes], name: str, value: float
) -> None:
    states = checkpoints(run)
    assert name in states[3].arrays, list(states[3].arrays)
    array = states[3].arrays[name].copy()
    array.flat[-1] = value
    forged(run.path / NEWEST, {name: array})
    notices = train(run)
    assert f"{NEWEST}: {name} holds NaN or infinity" in notices[0]
    assert "goes on after 2 steps" in notices[-1]
    finished_like(run.path, calm)


def test_a_checkpoint_under_another_number_falls_back(run: PlannedRun, calm: dict[str, bytes]) -> None:
    (run.path / OLDER).rename(run.path / "checkpoints/0000000004.npz")
    notices = train(run)
    assert "0000000004.npz: holds the state after 2 steps" in notices[0]
    assert "goes on after 3 steps" in notices[-1]
    finished_like(run.path, calm)


def _newer_seal(run: Path) -> str:
    import hashlib

    body = (run / NEWEST).read_bytes()[:-64].replace(b"format 0001", b"format 0002")
    (run / NEWEST).write_bytes(body + hashlib.sha256(body).hexdigest().encode())
    return NEWEST


def _newer_header(run: Path) -> str:
    stored = arrays.load(run / NEWEST)
    header = np.frombuffer(json.dumps({**stored_header(run / NEWEST), "format": 2}).encode(), np.uint8)
    arrays.save(run / NEWEST, {**stored, "checkpoint": header})
    return NEWEST


def _newer_result(run: Path) -> str:
    sealed.save(run / "run.json", {"format": 2, "something": "else"})
    return "run.json"


def _newer_environment(run: Path) -> str:
    sealed.save(run / "env.json", {"format": 2, "something": "else"})
    return "env.json"


@pytest.mark.parametrize("newer", [_newer_seal, _newer_header, _newer_result, _newer_environment])
def test_a_newer_format_is_refused_and_untouched(cli: Call, folder: Path, newer: Callable[[Path], str]) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    cli("train", "tiny.yaml", "--quiet")
    run = only_run(folder / "runs")
    (run / "run.json").unlink()
    name = newer(run)
    before = contents(run)
    found = cli("train", "tiny.yaml", "--quiet")
    assert found.code == 4
    assert (
        f"{run.relative_to(folder) / name}: format 2 of a newer dltricks, this one reads 1; update dltricks"
        in found.err
    )
    assert "--fresh" not in found.err
    assert contents(run) == before


def test_a_newer_study_is_refused_and_untouched(cli: Call, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    (folder / "runs/tiny").mkdir(parents=True)
    sealed.save(folder / "runs/tiny/study.json", {"format": 2})
    with untouched(folder / "runs"):
        found = cli("train", "tiny.yaml", "seeds=2", "--quiet")
    assert found.code == 4
    assert "runs/tiny/study.json: format 2 of a newer dltricks, this one reads 1; update dltricks" in found.err
    assert "remove it" not in found.err


def test_a_changed_configuration_is_refused_with_the_changed_keys(cli: Call, folder: Path) -> None:
    (folder / "tiny.yaml").write_text(TINY)
    cli("train", "tiny.yaml", "--quiet")
    run = only_run(folder / "runs")
    (run / "run.json").unlink()
    text = (run / "config.yaml").read_text()
    (run / "config.yaml").write_text(text.replace("lr: 0.005", "lr: 0.05").replace("epochs: 2", "epochs: 3"))
    with untouched(run):
        found = cli("train", "tiny.yaml", "--quiet")
    assert found.code == 4
    assert (
        "config.yaml: differs from the configuration that the folder's hash stands for, in optimizer, epochs"
        in found.err
    )
    assert "--fresh starts anew" in found.err


@pytest.mark.parametrize("name", ["metrics.jsonl", "timing.jsonl"])
def test_a_torn_last_line_is_dropped(run: PlannedRun, calm: dict[str, bytes], name: str) -> None:
    with (run.path / name).open("ab") as file:
        file.write(b'{"epoch":2,"val')
    train(run)
    finished_like(run.path, calm)


def test_metrics_shorter_than_the_newest_checkpoint_says(tmp_path: Path) -> None:
    """The one before it counts fewer lines."""
    run = tiny_run(tmp_path)
    interrupt(run, 2)
    assert list(checkpoints(run)) == [1, 2]
    metrics = run.path / "metrics.jsonl"
    metrics.write_bytes(metrics.read_bytes()[:-1])
    notices = train(run)
    assert "0000000002.npz: metrics.jsonl is shorter than it says" in notices[0]
    assert "goes on after 1 steps" in notices[-1]
    calm = tiny_run(tmp_path, "calm/tiny/s0-000000000000")
    train(calm)
    finished_like(run.path, decisive(calm.path))


def test_what_a_power_failure_leaves_behind_the_newest_checkpoint(cli: Call, folder: Path) -> None:
    """Whole lines without those before them: files need not be written in order."""
    (folder / "tiny.yaml").write_text(TINY)
    assert cli("train", "tiny.yaml", "--quiet").code == 0
    (run,) = (path.parent for path in folder.glob("runs/tiny/*/run.json"))
    expected = decisive(run)
    (run / "run.json").unlink()
    for name in ("metrics.jsonl", "timing.jsonl"):
        with (run / name).open("ab") as file:
            file.write(b'\0\0\0\0":1}\n{"epoch":3}\n')
    assert "interrupted" in cli("list").out
    found = cli("train", "tiny.yaml", "--quiet")
    assert found.code == 0, found.err
    assert "goes on after" in found.err
    finished_like(run, expected)
