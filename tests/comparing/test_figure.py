import sys
from xml.etree import ElementTree

import pytest
from comparing.made import arm, entry, rate, spread
from comparing.test_compare import compare

from dltricks.core.errors import UsageError


@pytest.fixture
def found():
    pytest.importorskip("matplotlib", reason="dltricks[plot]")
    runs = [each for i in range(3) for each in arm(spread(0.9 + i / 50, seed=i), dropout=rate(i / 10))]
    return compare(runs)


def test_the_same_comparison_gives_the_same_bytes(found, tmp_path):
    found.save(tmp_path / "a.svg")
    found.save(tmp_path / "b.svg")
    content = (tmp_path / "a.svg").read_bytes()
    assert content == (tmp_path / "b.svg").read_bytes()
    ElementTree.fromstring(content)
    found.save(tmp_path / "c.PNG")
    assert (tmp_path / "c.PNG").read_bytes().startswith(b"\x89PNG")
    assert len(list(tmp_path.iterdir())) == 3


def test_odd_names_and_curves_are_drawn(tmp_path):
    pytest.importorskip("matplotlib", reason="dltricks[plot]")
    hostile = "_$x^{\x1b[2J</svg>&" + "y" * 300
    runs = [entry(curve=[float("nan")] * 3, seed=s, dropout={"name": hostile}) for s in range(2)]
    runs += [entry(curve=[0.5], seed=s, dropout={"name": "b"}) for s in range(2)]
    compare(runs).save(tmp_path / "a.svg")
    assert b"\x1b" not in (tmp_path / "a.svg").read_bytes()
    ElementTree.fromstring((tmp_path / "a.svg").read_bytes())


def test_what_cannot_be_drawn_is_refused(found, tmp_path):
    with pytest.raises(UsageError, match=r"ends in \.svg or \.png"):
        found.save(tmp_path / "a.pdf")
    with pytest.raises(UsageError, match="nowhere is not a folder"):
        found.save(tmp_path / "nowhere" / "a.svg")
    many = compare([each for i in range(30) for each in arm([0.9], dropout=rate(i / 100))])
    with pytest.raises(UsageError, match="30 curves are more than the 28"):
        many.save(tmp_path / "a.svg")
    assert not list(tmp_path.iterdir())


def test_without_curves_or_matplotlib(tmp_path, monkeypatch):
    runs = [entry(seed=s, test={"test_accuracy": 0.9}) for s in range(2)]
    with pytest.raises(UsageError, match="no curve to draw"):
        compare(runs, metric="test_accuracy").save(tmp_path / "a.svg")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError, match=r'pip install "dltricks\[plot\]"'):
        compare(runs).save(tmp_path / "a.svg")
