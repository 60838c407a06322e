import pytest
from hypothesis import given
from hypothesis import strategies as st

from dltricks.core.errors import UsageError
from dltricks.runs import names

HASH = "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["mnist-dropout", "a", "_x", "A.b=1,2+3", "a" * 100, "console", "Über uns"])
def test_names_that_can_be_folders(name):
    assert names.check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../x", "/abs", "a/b", "a\\b", "a" * 101, "CON", "nul.txt", "com1", ".x", "x.", "a\n"],
)
def test_names_that_cannot(name):
    with pytest.raises(UsageError, match="cannot be a folder"):
        names.check_name(name)


@given(st.text())
def test_a_label_is_always_safe(text):
    assert len(names.safe_label(text)) <= 100
    label = names.safe_label(text, 98)
    assert label == "" or names.check_name(f"{label}-0")


def test_labels_tell_what_varied():
    assert names.label({}, 0) == "s0"
    assert names.label({"dropout": 0.5, "optimizer.lr": 0.01}, 3) == "dropout=0.5,optimizer.lr=0.01-s3"
    assert names.label({"optimizer": {"name": "adam", "lr": 0.1}}, 0) == "optimizer=adam+lr=0.1-s0"
    assert names.label({"architecture.hidden": [64, 32]}, 0) == "architecture.hidden=64+32-s0"
    assert names.label({"limit": None, "residual": True}, {"init": 1}) == "limit=none,residual=true-sinit=1"


def test_a_long_label_keeps_its_seed():
    label = names.label({f"key{n}": n for n in range(100)}, 12)
    assert len(label) == 100
    assert label.endswith("-s12")


def test_run_path(tmp_path):
    assert names.run_path(tmp_path, "m", "s0", HASH) == tmp_path / "m" / "s0-0123456789ab"
    with pytest.raises(UsageError):
        names.run_path(tmp_path, "../m", "s0", HASH)


def test_found_by_hash_under_any_name(tmp_path):
    assert names.Folders(tmp_path / "none").find(HASH) is None
    for name in ("a", "b", "c"):
        (tmp_path / name / "s1-ffffffffffff").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "a" / "s0-0123456789ab").touch()
    assert names.Folders(tmp_path).find(HASH) is None
    for name in ("b", "c"):
        (tmp_path / name / "s0-0123456789ab").mkdir()
    assert names.Folders(tmp_path).find(HASH) == tmp_path / "b" / "s0-0123456789ab"
    assert names.Folders(tmp_path, "c").find(HASH) == tmp_path / "c" / "s0-0123456789ab"
    assert names.Folders(tmp_path, "a").find(HASH) == tmp_path / "b" / "s0-0123456789ab"
    assert names.Folders(tmp_path).find("0" * 64) is None
    with pytest.raises(ValueError, match="not a hash"):
        names.Folders(tmp_path).find("*")
