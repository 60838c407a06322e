import json
import subprocess
import sys

import numpy as np
import pytest

from dltricks.runs import environment

GIT = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]


def git(folder, *arguments):
    subprocess.run([*GIT, *arguments], cwd=folder, check=True, capture_output=True)


def test_what_is_described():
    env = environment.describe()
    assert list(env) == ["dltricks", "python", "numpy", "scipy", "numba", "cpu", "platform", "release", "blas", "git"]
    assert env["numpy"] == np.__version__
    assert env["blas"][0]["threads"] >= 1
    assert env["cpu"]["features"] == sorted(env["cpu"]["features"]) != []
    assert json.loads(json.dumps(env)) == env


def test_what_else_a_process_has_loaded_is_no_difference():
    found = [
        subprocess.run(
            [sys.executable, "-c", f"{first}; from dltricks.runs.environment import describe; print(describe())"],
            check=True,
            capture_output=True,
        ).stdout
        for first in ("import numpy", "import scipy.linalg")
    ]
    assert found[0] == found[1]


def test_the_users_commit_and_whether_it_is_dirty(tmp_path):
    assert environment.describe(tmp_path)["git"] is None
    git(tmp_path, "init")
    assert environment.describe(tmp_path)["git"] == {"commit": None, "dirty": False}
    (tmp_path / "a").write_text("1")
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-m", "one")
    (tmp_path / "untracked").touch()
    described = environment.describe(tmp_path)["git"]
    assert len(described["commit"]) == 40
    assert described["dirty"] is False
    (tmp_path / "a").write_text("2")
    assert environment.describe(tmp_path)["git"] == {"commit": described["commit"], "dirty": True}


@pytest.mark.parametrize(
    "error",
    [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 2), subprocess.CalledProcessError(128, "git")],
)
def test_git_never_fails_a_run(monkeypatch, error):
    def fail(*arguments, **options):
        assert options["timeout"] == 2
        raise error

    monkeypatch.setattr(subprocess, "run", fail)
    assert environment.describe()["git"] is None


def test_differences_name_what_may_change_bytes():
    env = environment.describe()
    assert environment.differences(env, env) == []
    other = {**env, "numpy": "1.0", "python": "4.0", "git": None}
    other["blas"] = [{**library, "threads": 99} for library in env["blas"]]
    changes = environment.differences(other, env)
    assert changes[0] == f"numpy: 1.0 -> {np.__version__}"
    assert all(change.startswith("blas ") and " threads: 99 -> " in change for change in changes[1:])
    assert len(changes) == 1 + len(env["blas"])


def test_differences_of_something_else_entirely():
    assert "numpy: None -> " in "; ".join(environment.differences({"cpu": [1]}, environment.describe()))
