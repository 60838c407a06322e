import pytest
from runs.disks import BrokenDisk

from dltricks.runs import files


@pytest.fixture(autouse=True)
def quick(request, monkeypatch):
    """No syncing in earnest, which takes most of the time, but where the disk itself is tested."""
    if request.module.__name__.rpartition(".")[2] != "test_files":
        monkeypatch.setattr(files, "disk", BrokenDisk())
