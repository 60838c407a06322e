import errno
import json
import math

import numpy as np
import pytest
from runs.disks import BrokenDisk

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.engine.state import State
from dltricks.runs import arrays, checkpoint, files
from dltricks.runs.checkpoint import Checkpoint
from dltricks.runs.logs import Mark

HASH, OTHER = "a" * 64, "b" * 64


def make(number):
    state = State({"p": np.full(3, float(number)), "slot.m": np.zeros((2, 2), np.float32)}, {"epoch": number})
    return Checkpoint(number, state, {"metrics.jsonl": Mark(number, 10 * number, "c" * 64)}, "d" * 64)


def save(folder, *numbers):
    for number in numbers:
        checkpoint.save(folder, HASH, make(number))


def newest(folder):
    found, warnings = checkpoint.load_newest(folder, HASH)
    return found.number if found else None, warnings


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_round_trip(tmp_path):
    save(tmp_path, 7)
    found, warnings = checkpoint.load_newest(tmp_path, HASH)
    assert warnings == []
    assert (found.number, found.marks, found.config_sum) == (7, make(7).marks, "d" * 64)
    assert found.state.meta == {"epoch": 7}
    assert list(found.state.arrays) == ["p", "slot.m"]
    np.testing.assert_array_equal(found.state.arrays["p"], [7, 7, 7])
    assert found.state.arrays["slot.m"].dtype == np.float32


def test_plain_values_keep_every_bit(tmp_path):
    meta = {"best": -math.inf, "sum": 0.1 + 0.2, "big": 2**70, "none": None, "text": "ä\n", "list": [1, [2.5]]}
    checkpoint.save(tmp_path, HASH, Checkpoint(1, State({}, meta), {}, ""))
    assert checkpoint.load_newest(tmp_path, HASH)[0].state.meta == meta


def test_nothing_there(tmp_path):
    assert newest(tmp_path) == (None, [])
    assert newest(tmp_path / "none") == (None, [])
    (tmp_path / "notes.npz").touch()
    (tmp_path / "1.npz").touch()
    assert newest(tmp_path) == (None, [])


def test_the_newest_two_are_kept(tmp_path):
    save(tmp_path, 1, 2, 30, 30)
    assert checkpoint.numbers(tmp_path) == [2, 30]
    assert newest(tmp_path) == (30, [])


def test_numbers_above_a_new_one_go(tmp_path):
    save(tmp_path, 10, 20)
    save(tmp_path, 15)
    assert checkpoint.numbers(tmp_path) == [10, 15]


def test_at_most(tmp_path):
    save(tmp_path, 10, 20)
    assert checkpoint.load_newest(tmp_path, HASH, at_most=19)[0].number == 10
    assert checkpoint.load_newest(tmp_path, HASH, at_most=9) == (None, [])


def test_a_damaged_newest_falls_back_with_a_warning(tmp_path):
    save(tmp_path, 1, 2)
    flip(checkpoint.path_of(tmp_path, 2))
    number, warnings = newest(tmp_path)
    assert number == 1
    assert "0000000002.npz: damaged" in warnings[0]


def test_none_valid_is_an_error(tmp_path):
    save(tmp_path, 1, 2)
    flip(checkpoint.path_of(tmp_path, 1))
    checkpoint.path_of(tmp_path, 2).write_bytes(b"")
    with pytest.raises(DamagedError, match=r"no valid checkpoint .*2\.npz: incomplete.*1\.npz: damaged.*--fresh"):
        newest(tmp_path)


def test_what_the_caller_finds_wrong_falls_back_too(tmp_path):
    save(tmp_path, 1, 2)
    found, warnings = checkpoint.load_newest(tmp_path, HASH, lambda c: "too new" if c.number == 2 else None)
    assert found.number == 1
    assert warnings == [f"{checkpoint.path_of(tmp_path, 2)}: too new"]


def test_another_configuration_is_refused_by_name(tmp_path):
    save(tmp_path, 1, 2)
    with pytest.raises(DamagedError, match="belongs to the configuration aaaaaaaaaaaa, not to bbbbbbbbbbbb"):
        checkpoint.load_newest(tmp_path, OTHER)


def header(**changes):
    fields = {"format": 1, "config": HASH, "config_sum": "", "number": 2, "marks": {}, "meta": {}} | changes
    return np.frombuffer(json.dumps(fields).encode(), np.uint8)


def test_a_newer_format_is_refused_and_untouched(tmp_path):
    save(tmp_path, 1)
    path = checkpoint.path_of(tmp_path, 2)
    arrays.save(path, {"checkpoint": header(format=2)})
    before = path.read_bytes()
    with pytest.raises(DamagedError, match="format 2 of a newer dltricks"):
        newest(tmp_path)
    assert path.read_bytes() == before
    assert checkpoint.numbers(tmp_path) == [1, 2]


@pytest.mark.parametrize(
    "content",
    [
        {},
        {"checkpoint": np.zeros(3)},
        {"checkpoint": np.zeros((1, 3), np.uint8)},
        {"checkpoint": np.frombuffer(b"[" * 100_000, np.uint8)},
        {"checkpoint": np.frombuffer(b"[1]", np.uint8)},
        {"checkpoint": np.frombuffer(b"\xff", np.uint8)},
        {"checkpoint": header(number="2")},
        {"checkpoint": header(meta=[])},
        {"checkpoint": header(marks={"a": 1})},
        {"checkpoint": header(marks={"a": {"lines": 1}})},
        {"checkpoint": header(marks={"a": {"lines": -1, "size": 0, "sha256": ""}})},
        {"checkpoint": header(marks={"a": {"lines": 1.5, "size": 0, "sha256": ""}})},
    ],
)
def test_well_sealed_nonsense_falls_back(tmp_path, content):
    save(tmp_path, 1)
    arrays.save(checkpoint.path_of(tmp_path, 2), content)
    number, warnings = newest(tmp_path)
    assert (number, len(warnings)) == (1, 1)


def test_a_link_is_not_followed(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    save(tmp_path, 5)
    checkpoint.path_of(folder, 5).symlink_to(checkpoint.path_of(tmp_path, 5))
    with pytest.raises(FileSystemError, match="links are not followed"):
        newest(folder)


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE])
@pytest.mark.parametrize("persistent", [False, True])
def test_any_failing_operation_leaves_a_valid_checkpoint(tmp_path, monkeypatch, error, persistent):
    disk = BrokenDisk()
    with monkeypatch.context() as patch:
        patch.setattr(files, "disk", disk)
        save(tmp_path, 1, 2, 3)
    assert disk.count > 15
    for number in range(1, disk.count + 1):
        folder = tmp_path / f"{error}-{number}"
        folder.mkdir()
        save(folder, 1)
        with monkeypatch.context() as patch:
            patch.setattr(files, "disk", BrokenDisk(number, error, persistent=persistent))
            with pytest.raises(FileSystemError):
                save(folder, 2, 3, 4, 5)
        assert newest(folder)[0] >= 1
        assert newest(folder)[1] == []
        files.remove_temporaries(folder)
        save(folder, 6)
        assert newest(folder) == (6, [])
