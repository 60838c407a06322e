"""Finds tricks by kind and name: a folder of files, and the user's own files beside it.

A trick is imported only when it is asked for. Nothing here is edited to add one.
"""

from __future__ import annotations

import ast
import difflib
import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from dltricks.core.errors import UsageError
from dltricks.core.refusals import unreadable

PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Kind:
    """What one key of the experiment file may hold."""

    key: str
    folder: str
    default: str
    number: tuple[str, str] | None = None
    """(component, field) that a bare number stands for."""
    unnamed: str | None = None
    """The component that a mapping without ``name`` configures."""
    many: bool = False
    """An ordered list of components instead of one."""
    neutral: str | None = None
    """What stands for "without this trick"; None for what every training needs and nothing can replace."""


KINDS: dict[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("dataset", "datasets", "digits"),
        Kind("scaling", "scalings", "unit", neutral="none"),
        Kind("augmentation", "augmentations", "none", many=True, neutral="none"),
        Kind("architecture", "architectures", "mlp"),
        Kind("activation", "activations", "relu"),
        Kind("initializer", "initializers", "he", neutral="uniform"),
        Kind("normalization", "normalizations", "none", neutral="none"),
        Kind("dropout", "dropouts", "none", number=("dropout", "rate"), unnamed="dropout", neutral="none"),
        Kind("loss", "losses", "cross_entropy"),
        Kind("optimizer", "optimizers", "adam", neutral="sgd"),
        Kind("penalty", "penalties", "none", neutral="none"),
        Kind("clipping", "clippers", "none", number=("norm", "threshold"), unnamed="norm", neutral="none"),
        Kind("schedule", "schedules", "constant", neutral="constant"),
        Kind("early_stopping", "stoppers", "none", unnamed="early_stopping", neutral="none"),
        Kind("averaging", "averagers", "none", neutral="none"),
    )
}
"""Every kind, in the order in which a value meets them on its way through training."""


@dataclass(frozen=True)
class Plugin:
    """A trick from a file of the user's."""

    kind: str
    name: str
    path: Path
    sha256: str
    cls: type[Any]


MOST_BYTES = 2**20
"""Of a plugin's file."""

_plugins: dict[tuple[str, str], Plugin] = {}


def names(kind: str) -> list[str]:
    """The names of all tricks of a kind, plugins included, sorted."""
    own = [name for key, name in _plugins if key == kind]
    return sorted([*_built_in(kind), *own])


@cache
def _built_in(kind: str) -> tuple[str, ...]:
    folder = PACKAGE / KINDS[kind].folder
    return tuple(module.name for module in pkgutil.iter_modules([str(folder)]))


def source(kind: str, name: str) -> Path:
    """The file that defines a trick.

    Raises:
        UsageError: no trick of that name; the message gives the nearest.
    """
    if (kind, name) in _plugins:
        return _plugins[kind, name].path
    if name not in _built_in(kind):
        raise UsageError(unknown(f"{kind}", name, names(kind)))
    return PACKAGE / KINDS[kind].folder / f"{name}.py"


def load(kind: str, name: str) -> type[Any]:
    """The class of a trick.

    Raises:
        UsageError: no trick of that name.
    """
    if (kind, name) in _plugins:
        return _plugins[kind, name].cls
    source(kind, name)
    module = importlib.import_module(f"dltricks.{KINDS[kind].folder}.{name}")
    return _component_of(module)


def summary(kind: str, name: str) -> str:
    """The first line of the trick's file, read without importing it."""
    docstring = ast.get_docstring(ast.parse(source(kind, name).read_text("utf-8"))) or ""
    return docstring.partition("\n")[0]


_NOTHING = ("no", "off", "false", "null", "nothing")
"""What some write who want none; an experiment file has it as text."""


def unknown(what: str, found: str, allowed: list[str]) -> str:
    """A sentence for a name that does not exist, with the nearest one that does."""
    near = difflib.get_close_matches(found, allowed, n=1)
    if found.lower() in _NOTHING and "none" in allowed:
        near = ["none"]
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"unknown {what} {found!r}{hint} (allowed: {', '.join(allowed)})"


def add_plugin(path: Path) -> Plugin:
    """Loads a user's file of exactly a built-in's shape; its name is the name of the file.

    Loading the same content twice is one plugin; a file that was edited in between takes its own place.

    Raises:
        FileSystemError: unreadable.
        UsageError: no file, broken, without exactly one component, or of a name that is taken.
    """
    try:
        if path.exists() and not path.is_file():
            raise UsageError(f"plugin {path}: a Python file is needed, and this is a folder, pipe or device")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise unreadable(f"plugin {path}", error) from error
    if len(content) > MOST_BYTES:
        raise UsageError(f"plugin {path}: larger than {MOST_BYTES} bytes, the most that a trick's file may have")
    digest = hashlib.sha256(content).hexdigest()
    name = path.stem
    if not name.isidentifier():
        raise UsageError(f"plugin {path}: the file's name must be a Python identifier")
    known = [plugin for plugin in _plugins.values() if plugin.name == name]
    for plugin in known:
        if plugin.sha256 == digest:
            return plugin
    spec = importlib.util.spec_from_file_location(f"dltricks.plugins.{name}", path)
    if spec is None or spec.loader is None:
        raise UsageError(f"plugin {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        # From what was read and hashed: a bytecode cache can be that of an earlier text.
        exec(compile(content, path, "exec", dont_inherit=True), vars(module))
        cls = _component_of(module)
        problem = _unfinished(cls)
    except UsageError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(f"plugin {path}: {type(error).__name__}: {error}") from error
    if problem:
        raise UsageError(f"plugin {path}: {cls.__name__} {problem}")
    kind = cls.kind
    for plugin in known:
        # The same file with other content was edited, as in a notebook's session.
        if plugin.path == path.resolve():
            del _plugins[plugin.kind, plugin.name]
    if name in names(kind):
        raise UsageError(f"plugin {path}: the {kind} {name!r} exists already in {source(kind, name)}")
    plugin = Plugin(kind, name, path.resolve(), digest, cls)
    _plugins[kind, name] = plugin
    return plugin


def plugins() -> list[Plugin]:
    """The users' tricks that are loaded."""
    return list(_plugins.values())


def forget_plugins() -> None:
    """Back to the built-in tricks; for tests and long-lived sessions."""
    _plugins.clear()


def _component_of(module: Any) -> type[Any]:
    from dltricks.core.component import Component

    own = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Component) and value.__module__ == module.__name__
    ]
    if len(own) != 1:
        raise UsageError(f"{module.__file__}: expected exactly one component, found {len(own)}")
    return own[0]


def _unfinished(cls: type[Any]) -> str | None:
    """What a user's class lacks to be a trick, found before anything is trained with it; None if nothing."""
    from dltricks.core.layer import Layer

    if not isinstance(getattr(cls, "kind", None), str) or cls.kind not in KINDS:
        return "is of no kind that an experiment can select"
    if "__dataclass_fields__" not in vars(cls):
        return "is no dataclass; write @dataclass above it"
    get_type_hints(cls)  # raises where a field's type does not exist
    lacking = [name for name in dir(cls) if getattr(getattr(cls, name), "__isabstractmethod__", False)]
    if issubclass(cls, Layer) and not cls.absent:
        lacking += [name for name in ("forward", "backward") if getattr(cls, name) is getattr(Layer, name)]
    return f"lacks {' and '.join(lacking)}" if lacking else None
