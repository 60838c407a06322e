"""Where a run lies: runs/<name>/<varied values>-s<seed>-<hash12>, in names that any file system takes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dltricks.core.errors import UsageError
from dltricks.core.folder_name import LONGEST, RESERVED, name_problem
from dltricks.core.spelling import spell
from dltricks.runs import files

DIGITS = 12
"""How much of the hash a folder's name bears."""

_HASH = re.compile(r"[0-9a-f]{12,64}")
_ID = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


def id_of(folder: str) -> str:
    """The beginning of a run's hash, from its folder's name; empty where the name does not end in one."""
    ending = folder.rpartition("-")[2]
    return ending if _ID.fullmatch(ending) else ""


def check_name(name: str) -> str:
    """The name of an experiment, if it can be a folder on every system.

    Raises:
        UsageError: it cannot; the message says why.
    """
    problem = name_problem(name)
    if problem:
        raise UsageError(f"name {name[:LONGEST]!r} cannot be a folder: {problem}")
    return name


def safe_label(text: str, longest: int = LONGEST) -> str:
    """A text cut to length and to characters that are safe everywhere; others become ``_``."""
    label = re.sub(r"[^A-Za-z0-9._=,+-]", "_", text)[:longest]
    if label[:1] in tuple(".-=,+") or RESERVED.fullmatch(label):
        label = f"_{label[1:]}"
    return label


def label(varied: Mapping[str, Any], seed: Any) -> str:
    """What tells a run from its neighbours, for people: ``dropout=0.5,optimizer.lr=0.01-s3``."""
    ending = safe_label(f"s{spell(seed)}", 30)
    values = ",".join(f"{key}={spell(value)}" for key, value in varied.items())
    return f"{safe_label(values, LONGEST - len(ending) - 1)}-{ending}" if values else ending


def run_path(runs_dir: Path, name: str, label: str, config_hash: str) -> Path:
    """The folder of a run, which need not exist.

    Raises:
        UsageError: a name that cannot be a folder.
    """
    return runs_dir / check_name(name) / f"{safe_label(label)}-{config_hash[:DIGITS]}"


def alike(path: Path) -> list[Path]:
    """The other run folders beside one that have its label, and so differ from it in what no label shows."""
    label = path.name[:-DIGITS]
    return [path.parent / name for name in files.names(path.parent) if name[:-DIGITS] == label and name != path.name]


class Folders:
    """The run folders below a folder of runs, found by their hashes whatever they are called."""

    def __init__(self, runs_dir: Path, name: str | None = None) -> None:
        """Looks at all folders once; of several with a hash the one under ``name`` counts."""
        self._found: dict[str, Path] = {}
        groups = [group for group in files.names(runs_dir) if (runs_dir / group).is_dir()]
        for group in sorted(groups, key=lambda group: group != name):
            for folder in files.names(runs_dir / group):
                ending = folder.rpartition("-")[2]
                if len(ending) == DIGITS and ending not in self._found and (runs_dir / group / folder).is_dir():
                    self._found[ending] = runs_dir / group / folder

    def find(self, config_hash: str) -> Path | None:
        """The folder of the run with a hash."""
        if not _HASH.fullmatch(config_hash):
            raise ValueError(f"not a hash: {config_hash!r}")
        return self._found.get(config_hash[:DIGITS])
