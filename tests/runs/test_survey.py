import os
import sys

import pytest
from runs.toy import train

from dltricks.core.errors import UsageError
from dltricks.runs import index, survey

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only there is a process copied")


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two runs, in a process that could be copied."""
    for name in ("one", "two"):
        train(tmp_path / "runs" / "toy" / name)
    monkeypatch.setattr(survey, "copyable", lambda: True)
    monkeypatch.setattr(survey, "available_cores", lambda: 2)
    return tmp_path / "runs"


def test_what_was_begun_is_taken_and_only_once(runs, monkeypatch):
    survey.begin([runs])
    with monkeypatch.context() as patch:
        patch.setattr(survey, "_survey", None)
        assert [entry.path.name for entry in index.scan([runs])] == ["one", "two"]
    assert not survey._begun
    train(runs / "toy" / "three")
    assert len(index.scan([runs])) == 3


def test_other_places_are_looked_at_here(runs):
    survey.begin([runs])
    assert len(index.scan([runs / "toy" / "one"])) == 1
    assert len(index.scan([runs])) == 2


def test_a_copy_that_fails_is_made_up_for(runs, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(survey, "_survey", None)
        survey.begin([runs])
    assert len(index.scan([runs])) == 2
    survey.begin([runs / "nowhere"])
    with pytest.raises(UsageError, match="no such folder"):
        index.scan([runs / "nowhere"])


def test_a_process_that_cannot_be_copied_looks_itself(runs, monkeypatch):
    def refuse():
        raise BlockingIOError("no more processes")

    monkeypatch.setattr(os, "fork", refuse)
    survey.begin([runs])
    assert not survey._begun
    assert len(index.scan([runs])) == 2


def test_a_process_with_threads_is_not_copied(runs, monkeypatch):
    monkeypatch.setattr(survey, "copyable", lambda: False)
    survey.begin([runs])
    assert not survey._begun
