"""Leaves out what cannot even be imported: the comparisons with statsmodels, where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore = [] if find_spec("statsmodels") else ["test_oracle.py"]
