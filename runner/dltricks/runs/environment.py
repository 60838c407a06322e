"""What a run ran on: versions, processor, linear algebra, and the commit of the user's project."""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl

# What a result's last bits may depend on.
_DECISIVE = ("dltricks", "numpy", "numba", "blas", "threads", "cpu", "platform")
_GIT_SECONDS = 2


def describe(folder: Path | None = None) -> dict[str, Any]:
    """The environment as plain values, for env.json.

    Args:
        folder: where to look for the user's git repository; the current folder by default. Asking git takes
            most of the time, so one description serves for runs that start together.
    """
    return {**_fixed(), "blas": _blas(), "git": _git(folder)}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What changed of all that the bytes of a result may depend on, as ``numpy: 2.3.0 -> 2.4.0``."""
    return [f"{key}: {old} -> {new}" for key, (old, new) in changes(before, now, _DECISIVE).items()]


def changes(
    before: Mapping[str, Any], now: Mapping[str, Any], names: Sequence[str] = (*_DECISIVE, "python", "scipy", "git")
) -> dict[str, tuple[str | None, str | None]]:
    """Both values of each part of an environment that differs; None where one lacks it."""
    old, new = ({key: part for name in names for key, part in _flat(name, env.get(name))} for env in (before, now))
    return {key: (old.get(key), new.get(key)) for key in dict.fromkeys([*old, *new]) if old.get(key) != new.get(key)}


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    """The parts of a nested value, each under its full name."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name} {key}", item)
    elif isinstance(value, list) and all(isinstance(item, Mapping) for item in value):
        for number, item in enumerate(value, 1):
            yield from _flat(f"{name} {number}", item)
    else:
        yield name, " ".join(map(str, value)) if isinstance(value, list) else str(value)


@cache
def _fixed() -> dict[str, Any]:
    """What cannot change while the process lives."""
    return {
        "dltricks": _version("dltricks"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": _version("scipy"),
        "numba": _version("numba"),
        "cpu": {"model": _cpu_model(), "features": _cpu_features()},
        "platform": {"system": platform.system(), "machine": platform.machine()},
        "release": platform.release(),
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:  # an extra, or a checkout that is not installed
        return None


def _cpu_model() -> str | None:
    if sys.platform == "win32":
        return os.environ.get("PROCESSOR_IDENTIFIER")
    if sys.platform == "darwin":
        return _output(["sysctl", "-n", "machdep.cpu.brand_string"])
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return None
    models = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(models, None)


def _cpu_features() -> list[str]:
    """The instructions that this processor has and numpy knows, which choose its code paths."""
    try:
        module = importlib.import_module("numpy._core._multiarray_umath")
        features: dict[str, bool] = module.__cpu_features__
    except (ImportError, AttributeError):  # private, so that a later numpy may have moved it
        return []
    return sorted(name for name, found in features.items() if found)


def _blas() -> list[dict[str, Any]]:
    """The linear algebra libraries that may train here; the architecture is the kernels that were chosen.

    Sorted, because the system lists them in another order in each process. That which scipy brings along does not
    train, and is there or not depending on what else the process has done.
    """
    keys = {"internal_api": "name", "version": "version", "architecture": "architecture"}
    loaded = [library for library in threadpoolctl.threadpool_info() if library["user_api"] == "blas"]
    libraries = [lib for lib in loaded if not {"scipy", "scipy.libs"} & set(Path(lib["filepath"]).parts)]
    found = [{name: lib.get(key) for key, name in keys.items()} | {"threads": lib["num_threads"]} for lib in libraries]
    return sorted(found, key=lambda library: [str(value) for value in library.values()])


def _git(folder: Path | None) -> dict[str, Any] | None:
    """Commit of the user's project, and whether tracked files differ from it; None outside of any."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "status"]
    # One process answers both questions.
    text = _output([*command, "--porcelain=v2", "--branch", "--untracked-files=no"], folder)
    if text is None:
        return None
    lines = text.splitlines()
    commits = [line.split()[2] for line in lines if line.startswith("# branch.oid ")]
    commit = next((commit for commit in commits if commit != "(initial)"), None)
    return {"commit": commit, "dirty": any(not line.startswith("#") for line in lines)}


def _output(command: list[str], folder: Path | None = None) -> str | None:
    """What a command prints, or None for any reason: a description never fails a run."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace").strip()
