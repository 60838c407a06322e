"""The shape of the package: imports point one way, and a trick is one file with a card and a test."""

from __future__ import annotations

import ast
import graphlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from dltricks.core import registry
from dltricks.core.registry import KINDS, PACKAGE

TESTS = Path(__file__).parent.parent
TRICKS = [kind.folder for kind in KINDS.values()]
ALLOWED = {
    "core": {"core"},
    "engine": {"engine", "core"},
    "experiment": {"experiment", "engine", "core"},
    "runs": {"runs", "engine", "core"},
    "statistics": {"statistics", "core"},
    "comparing": {"comparing", "statistics", "experiment", "runs", "engine", "core"},
    "execution": {"execution", "experiment", "runs", "engine", "core"},
    "exporting": {"exporting", "engine", "core"},
    "api": {"api", "comparing", "exporting", "statistics", "execution", "experiment", "runs", "engine", "core"},
    "cli": {"cli", "api", "comparing", "statistics", "execution", "experiment", "runs", "engine", "core"},
    "compiled": {"compiled", "core"},
    # One layer may hold another, and one trick be a setting of another of its kind.
    "layers": {"layers", "compiled", "core"},
    **{folder: {folder, "core"} for folder in TRICKS},
    "activations": {"activations", "core", "compiled"},
    "normalizations": {"normalizations", "core", "compiled"},
    "architectures": {"architectures", "layers", "core"},
}
"""What each folder of the package may import from which others."""
ONLY_IN = {
    "pydantic": "experiment",
    "typer": "cli",
    "rich": "cli",
    "matplotlib": "comparing",
    "onnx": "exporting",
    "safetensors": "exporting",
    "torch": None,
    "numba": "compiled",
    "llvmlite": "compiled",
}
"""The one folder that may import a library; what it does must be replaceable in one place."""
FILES = sorted(PACKAGE.rglob("*.py"))
SELECTED = [(kind, name) for kind in KINDS for name in registry.names(kind)]
EACH = pytest.mark.parametrize(("kind", "name"), SELECTED, ids=["-".join(each) for each in SELECTED])


def imported(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, wherever in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are written out in full"
            assert node.module is not None
            found |= {node.module} if node.module != "dltricks" else {f"dltricks.{a.name}" for a in node.names}
    return found


def run(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those that only type checkers read."""
    for node in ast.iter_child_nodes(tree):
        if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield node
            yield from run(node)


def test_no_import_leads_back() -> None:
    modules = {".".join(("dltricks", *path.relative_to(PACKAGE).with_suffix("").parts)): path for path in FILES}
    graph: dict[str, set[str]] = {}
    for module, path in modules.items():
        froms = [node for node in run(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)]
        named = {name for node in froms for name in (node.module, *(f"{node.module}.{a.name}" for a in node.names))}
        graph[module] = named & modules.keys()
    assert sum(map(len, graph.values())) > 1000
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the circle


def test_every_folder_has_its_rule() -> None:
    folders = {path.relative_to(PACKAGE).parts[0] for path in FILES if path.parent != PACKAGE}
    assert folders <= set(ALLOWED)


@pytest.mark.parametrize("folder", list(ALLOWED))
def test_imports_point_one_way(folder: str) -> None:
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        inner = {name.split(".")[1] for name in imported(path) if name.startswith("dltricks.")}
        own = {name for name in inner if (PACKAGE / name).is_dir()}
        assert own <= ALLOWED[folder], f"{path} imports {sorted(own - ALLOWED[folder])}"


@pytest.mark.parametrize("library", list(ONLY_IN))
def test_a_library_is_known_in_one_folder(library: str) -> None:
    found = {path for path in FILES if library in {name.split(".")[0] for name in imported(path)}}
    folders = {path.relative_to(PACKAGE).parts[0] for path in found}
    assert folders == ({ONLY_IN[library]} if ONLY_IN[library] else set()), f"{library} is imported in {sorted(found)}"


@pytest.mark.parametrize("folder", [*TRICKS, "layers"])
def test_a_folder_of_tricks_needs_no_list(folder: str) -> None:
    assert (PACKAGE / folder / "__init__.py").read_bytes() == b""


@EACH
def test_a_trick_is_one_component_with_a_card(kind: str, name: str) -> None:
    component = registry.load(kind, name)
    assert component.kind == kind
    summary = registry.summary(kind, name)
    assert re.fullmatch(r"\S.{5,110}\.", summary), f"a one-line summary that ends with a full stop: {summary!r}"
    card = component.__dict__["__doc__"] or ""
    for label in ("Reference:", "Suggested:"):
        assert label in card, f"the docstring of {component.__name__} has no {label}"


@EACH
def test_a_trick_has_its_own_test(kind: str, name: str) -> None:
    path = TESTS / KINDS[kind].folder / f"test_{name}.py"
    assert path.exists(), f"{path} is missing"
    assert "def test_" in path.read_text("utf-8")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_longer_than_a_reader_is_patient(path: Path) -> None:
    assert len(path.read_text("utf-8").splitlines()) <= 400
