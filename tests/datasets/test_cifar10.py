import io
import tarfile

import numpy as np
import pytest

from dltricks.core.errors import DamagedError, FileSystemError
from dltricks.datasets import cifar10
from dltricks.datasets.cifar10 import Cifar10, read_binary_archive

SAMPLES = 4


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(cifar10, "_SAMPLES", SAMPLES)


def batches():
    """The content of the six members: a label, then three planes that count on from sample to sample."""
    rng = np.random.default_rng(0)
    records = rng.integers(0, 256, (6, SAMPLES, 3073), np.uint8)
    records[:, :, 0] %= 10
    return records


def write(path, contents, names=None, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as archive:
        for name, content in zip(names or cifar10._MEMBERS, contents, strict=True):
            info = tarfile.TarInfo(name)
            info.size, info.type = len(content), kind
            archive.addfile(info, io.BytesIO(content))


def test_records_become_images_with_channels_last(tmp_path):
    records = batches()
    write(tmp_path / "a.tar.gz", [batch.tobytes() for batch in records])
    x, y = read_binary_archive(tmp_path / "a.tar.gz")
    flat = records.reshape(-1, 3073)
    np.testing.assert_array_equal(y, flat[:, 0])
    for sample, row, column, channel in [(0, 0, 0, 0), (5, 3, 31, 1), (23, 31, 7, 2)]:
        assert x[sample, row, column, channel] == flat[sample, 1 + channel * 1024 + row * 32 + column]


def test_the_order_of_members_does_not_matter_and_others_are_passed_over(tmp_path):
    records = batches()
    names = ["cifar-10-batches-bin/readme.html", *reversed(cifar10._MEMBERS)]
    write(tmp_path / "a.tar.gz", [b"hello", *(batch.tobytes() for batch in records[::-1])], names)
    np.testing.assert_array_equal(read_binary_archive(tmp_path / "a.tar.gz")[1], records[:, :, 0].ravel())


def test_the_last_member_is_the_test_part(tmp_path):
    records = batches()
    path = tmp_path / "cifar-10-binary.tar.gz"
    write(path, [batch.tobytes() for batch in records])

    class Files:
        def locate(self, folder, name, sha256, urls, *, compressed):
            assert (folder, name, compressed) == ("cifar10", "cifar-10-binary.tar.gz", False)
            assert len(bytes.fromhex(sha256)) == 32
            assert len(urls) >= 2
            return path

    data = Cifar10().load(Files(), 0)
    assert data.x.shape == (5 * SAMPLES, 32, 32, 3)
    np.testing.assert_array_equal(data.test_y, records[5, :, 0])
    assert data.classes[3] == "cat"


def test_nothing_is_written_outside_or_inside_the_folder(tmp_path):
    names = ["../../evil.bin", *cifar10._MEMBERS]
    write(tmp_path / "a.tar.gz", [b"evil", *(batch.tobytes() for batch in batches())], names)
    read_binary_archive(tmp_path / "a.tar.gz")
    assert [path.name for path in tmp_path.rglob("*")] == ["a.tar.gz"]
    assert not (tmp_path.parent.parent / "evil.bin").exists()


def contents():
    return [batch.tobytes() for batch in batches()]


def test_a_missing_member_is_named(tmp_path):
    write(tmp_path / "a.tar.gz", contents()[:5], cifar10._MEMBERS[:5])
    with pytest.raises(DamagedError, match=r"test_batch\.bin is missing"):
        read_binary_archive(tmp_path / "a.tar.gz")


def test_a_short_member_is_named(tmp_path):
    short = contents()
    short[2] = short[2][:-1]
    write(tmp_path / "a.tar.gz", short)
    with pytest.raises(DamagedError, match=r"data_batch_3\.bin has 12291 bytes, not 12292"):
        read_binary_archive(tmp_path / "a.tar.gz")


def test_a_link_in_place_of_a_member_is_not_followed(tmp_path):
    write(tmp_path / "a.tar.gz", [b""] * 6, kind=tarfile.SYMTYPE)
    with pytest.raises(DamagedError, match="has 0 bytes"):
        read_binary_archive(tmp_path / "a.tar.gz")


def test_a_label_above_9_is_damage(tmp_path):
    wrong = contents()
    wrong[1] = b"\x0a" + wrong[1][1:]
    write(tmp_path / "a.tar.gz", wrong)
    with pytest.raises(DamagedError, match="label 10"):
        read_binary_archive(tmp_path / "a.tar.gz")


@pytest.mark.parametrize("keep", [0, 5, 3000])
def test_a_cut_archive_is_damage(tmp_path, keep):
    write(tmp_path / "a.tar.gz", contents())
    content = (tmp_path / "a.tar.gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(content[:keep])
    with pytest.raises(DamagedError, match=r"cut\.tar\.gz"):
        read_binary_archive(tmp_path / "cut.tar.gz")


def test_a_folder_cannot_be_read(tmp_path):
    with pytest.raises(FileSystemError):
        read_binary_archive(tmp_path / "nothing.tar.gz")
