"""What README.md and its companions show is what happens: commands, output, code.

``python tests/test_readme.py`` runs the README's commands and writes their output into it anew.
"""

from __future__ import annotations

import importlib.util
import inspect
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import yaml
from conformance.test_gradients import check_layer
from layers.bench import Bench, inputs

import dltricks
from dltricks.core import registry
from dltricks.engine.loop import step, train
from dltricks.experiment.document import load_document
from dltricks.experiment.resolve import resolve

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
SCRIPT = ROOT / ".ci" / "run"
LINES = (
    "python -m pip install -e . && dltricks train configs/quickstart.yaml",
    'python -m pip install -e ".[test]" && pytest -n auto',
)
EXACT = ("check", "tricks")
"""Commands whose output is the same on every machine; of others numbers may differ."""
RANKED = ("ablate",)
"""Commands of which another processor may print lines in another order, and other verdicts."""
TOUR = ("train", "check", "tricks", "evaluate", "train", "train", "verdict", "train", "ablate")
PYTHON_ONLY = {"plan": "train FILE dropout=0,0.2 seeds=10` | trains all combinations; `--plan`"}
"""Functions without a command of their name, and what stands for them."""


def blocks(path: Path, language: str) -> list[str]:
    """The contents of a file's code blocks in one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def python_blocks() -> tuple[str, str, str]:
    """The README's use of the API, its trick, and the trick's test."""
    api, trick, test = blocks(README, "python")
    return api, trick, test


def session(command: str, folder: Path) -> str:
    """What a command prints on stdout in a folder with the experiments, 80 columns wide."""
    words = shlex.split(command)
    assert words[0] == "dltricks", command
    kept = {key: value for key, value in os.environ.items() if key not in ("FORCE_COLOR", "DLTRICKS_DATA")}
    source = str(registry.PACKAGE.parent)
    env = {**kept, "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1", "PYTHONPATH": source}
    done = subprocess.run(
        [sys.executable, "-m", "dltricks", *words[1:]], cwd=folder, env=env, capture_output=True, encoding="utf-8"
    )
    assert done.returncode == 0, f"{command}: {done.stderr}"
    lines = done.stdout.replace(str(ROOT), "/home/you/dltricks").splitlines()
    return "\n".join(line.rstrip() for line in lines).strip("\n")


def sessions() -> list[tuple[str, str]]:
    """(command, output) of every block that shows a terminal."""
    found = []
    for block in blocks(README, "console"):
        command, _, output = block.partition("\n")
        assert command.startswith("$ "), command
        found.append((command[2:], output.rstrip("\n")))
    return found


def masked(text: str) -> str:
    """Without what another machine may print otherwise: digits and their widths, sizes of stacks, units of time."""
    text = re.sub(r"-?\d[\d,.]*(e[-+]?\d+)?", "0", text)
    text = re.sub(r"\b0 (s|min|h)\b", "0 s", text)
    return re.sub(r"0 x 0( \+ 0 x 0)*", "0 x 0", re.sub(r"─+", "─", re.sub(r" +", " ", text)))


def ranked(text: str) -> list[str]:
    """The lines of a masked ranking in no order, without curves, words and remarks that follow from the numbers."""
    text = re.sub("[▁▂▃▄▅▆▇█]+", "▄", re.sub("helps|hurts|equivalent|inconclusive", "verdict", text))
    lines = (re.sub(r" *\(~[0N] more\).*", "", line).strip() for line in text.splitlines())
    return sorted(line for line in lines if line and "incomplete, for want" not in line)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "configs", tmp_path / "configs")
    return tmp_path


@pytest.fixture
def trick(tmp_path: Path) -> Iterator[ModuleType]:
    """The README's trick, loaded as a plugin."""
    path = tmp_path / "softsign.py"
    path.write_text(python_blocks()[1], "utf-8")
    plugin = registry.add_plugin(path)
    yield sys.modules[plugin.cls.__module__]
    registry.forget_plugins()


def test_the_two_lines_stand_alone_in_the_readme_and_in_the_script() -> None:
    assert [block.strip("\n") for block in blocks(README, "sh")[:2]] == list(LINES)
    run = [line for line in SCRIPT.read_text("utf-8").splitlines() if line.startswith("line ")]
    assert run[:2] == [f"line '{line}'" for line in LINES]


def test_the_script_stops_at_the_first_failure(tmp_path: Path) -> None:
    """Also at one before &&, which set -e alone would pass over."""
    text = SCRIPT.read_text("utf-8")
    assert text.splitlines()[0] == "#!/usr/bin/env bash"
    assert "\nset -euo pipefail\n" in text
    function = re.search(r"^line\(\) \{\n.*?^\}\n", text, re.DOTALL | re.MULTILINE)
    assert function is not None
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash here")
    script = f"set -euo pipefail\n{function[0]}line 'false && true'\necho went on\n"
    done = subprocess.run([bash, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 1
    assert "went on" not in done.stdout


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permission")
def test_the_script_can_be_run() -> None:
    assert os.access(SCRIPT, os.X_OK)


def test_the_tour_shows_real_output(folder: Path) -> None:
    shown = sessions()
    assert tuple(shlex.split(command)[1] for command, _ in shown) == TOUR
    for command, output in shown:
        assert max(map(len, output.splitlines())) <= 80
        exact = shlex.split(command)[1] in EXACT
        found = session(command, folder)
        if not exact:
            output, found = masked(output), masked(found)
        if shlex.split(command)[1] in RANKED:
            output, found = (ranked(text) for text in (output, found))
        assert output == found, command


def test_the_tour_names_every_command() -> None:
    text = README.read_text("utf-8")
    for name in dltricks.__all__:
        if name in PYTHON_ONLY:
            assert f"dltricks {PYTHON_ONLY[name]}" in text
        elif name != "__version__":
            assert re.search(rf"dltricks {name.replace('_', '-')}[ `]", text), name


def test_the_loop_is_as_short_as_the_readme_says() -> None:
    said = re.search(r"two functions of (\d+) lines", README.read_text("utf-8"))
    assert said is not None
    assert sum(len(inspect.getsource(part).splitlines()) for part in (step, train)) == int(said[1])


def test_the_python_lines_work(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    quickstart = folder / "configs" / "quickstart.yaml"
    quickstart.write_text(re.sub(r"epochs: \d+", "epochs: 2", quickstart.read_text("utf-8")), "utf-8")
    names: dict[str, object] = {}
    exec(python_blocks()[0], names)
    accuracy, confusion, runs = names["accuracy"], names["confusion"], names["runs"]
    assert isinstance(runs, list)
    assert len(runs) == 6
    assert isinstance(accuracy, np.ndarray)
    assert accuracy.shape == (2,)
    assert isinstance(confusion, np.ndarray)
    assert confusion.shape == (10, 10)


def test_the_trick_trains_as_a_plugin(trick: ModuleType, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    registry.forget_plugins()
    file = trick.__file__
    assert file is not None
    (run,) = dltricks.train("configs/quickstart.yaml", activation="softsign", epochs=2, plugins=[file])
    assert run.config["activation"] == {"name": "softsign", "width": 1.0}
    assert run.metrics["val_accuracy"][-1] > 0.8
    assert (run.path / "plugins" / "softsign.py").read_text("utf-8") == python_blocks()[1]


def test_the_trick_has_right_gradients_and_keeps_the_replica_law(trick: ModuleType) -> None:
    make = trick.Softsign
    check_layer(Bench(make(1.0), make(0.3)), (12,))
    x, dy = inputs(2, 5, (12,), np.float32), inputs(2, 5, (12,), np.float32, seed=1)
    both = Bench(make(1.0), make(0.3), dtype=np.float32).step(x, dy)
    for k, width in enumerate((1.0, 0.3)):
        alone = Bench(make(width), dtype=np.float32).step(x[k : k + 1], dy[k : k + 1])
        for stacked, single in zip(both[:2], alone[:2], strict=True):
            assert stacked[k].tobytes() == single[0].tobytes()


def test_the_tricks_test_passes(trick: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dltricks.activations.softsign", trick)
    path = tmp_path / "test_softsign.py"
    path.write_text(python_blocks()[2], "utf-8")
    spec = importlib.util.spec_from_file_location("readme_test_softsign", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    tests = [value for name, value in vars(module).items() if name.startswith("test_")]
    assert len(tests) == 2
    for test in tests:
        test()


DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("name", sorted(DOCUMENTS))
def test_links_and_paths_lead_somewhere(name: str) -> None:
    """Links to files of the checkout, and every path in backticks that begins with one of its folders."""
    text = (ROOT / name).read_text("utf-8")
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    for link in filter(None, links):
        assert ((ROOT / name).parent / link).exists(), link
    for path in re.findall(r"`((?:runner|tests|configs|docs|benchmarks|\.ci|\.github)/[\w./-]+)`", text):
        if "softsign" not in path:
            assert (ROOT / path).exists(), path


def parts(line: str) -> list[str]:
    """The commands of a line, without the variables set before them."""
    return [re.sub(r"^(\w+=\S+ )+", "", part.strip()) for part in line.split("&&")]


def test_contributing_runs_what_ci_runs() -> None:
    lines = re.findall(r"^line '(.*)'$", SCRIPT.read_text("utf-8"), re.MULTILINE)
    ran = {part for line in lines for part in parts(line)}
    shown = [part for block in blocks(ROOT / "CONTRIBUTING.md", "sh") for part in parts(block)]
    checks = [part for part in shown if " install " not in part]
    assert set(checks) <= ran
    marked = {f"pytest -m {marker}" for marker in ("data", "export")}
    marked |= {f"pytest -n auto -m {marker}" for marker in ("compiled", "parity")}
    assert set(checks) == {"pytest -n auto", "ruff check", "ruff format --check", "mypy", *marked}


def ci_blocks() -> list[dict[str, object]]:
    return [yaml.load(block, yaml.BaseLoader) for block in blocks(ROOT / "docs" / "ci.md", "yaml")]


def test_the_ci_examples_are_whole() -> None:
    experiment, github, gitlab = ci_blocks()
    assert experiment["expect"]
    for job in (github, gitlab):
        text = yaml.safe_dump(job, width=1000)
        assert "dltricks train configs/smoke.yaml" in text
    assert set(github) >= {"name", "on", "jobs"}
    for part in github["jobs"].values():
        assert part["runs-on"]
        assert all("run" in step or "uses" in step for step in part["steps"])
    jobs = [job for job in gitlab.values() if isinstance(job, dict)]
    assert jobs
    assert all(job["script"] and job["image"] for job in jobs)


def test_the_ci_experiment_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "smoke.yaml"
    path.write_text(blocks(ROOT / "docs" / "ci.md", "yaml")[0], "utf-8")
    assert resolve(load_document(path)).config["expect"]


def test_the_workflow_runs_the_script() -> None:
    workflow = yaml.load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"), yaml.BaseLoader)
    steps = [step.get("run", "").strip() for job in workflow["jobs"].values() for step in job["steps"]]
    assert ".ci/run" in steps
    assert set(LINES) <= set(steps)


def refresh() -> None:
    """Writes the output of the README's commands into it anew."""
    import tempfile

    text = README.read_text("utf-8")
    with tempfile.TemporaryDirectory() as name:
        shutil.copytree(ROOT / "configs", Path(name, "configs"))
        for command, output in sessions():
            text = text.replace(f"$ {command}\n{output}\n", f"$ {command}\n{session(command, Path(name))}\n")
    README.write_text(text, "utf-8")


if __name__ == "__main__":
    refresh()
