"""A laboratory for deep-learning training tricks.

Every command of the command line has a function of the same name here::

    import dltricks

    runs = dltricks.train("experiment.yaml", dropout=0.5)
    runs[0].metrics["val_accuracy"]  # one value per epoch, a NumPy array
"""

from __future__ import annotations

from importlib import import_module

# As type checkers understand it too: importing typing takes longer than all else that is done here.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from dltricks.api.ablate import ablate
    from dltricks.api.average import average
    from dltricks.api.check import check
    from dltricks.api.compare import compare
    from dltricks.api.diff import diff
    from dltricks.api.evaluate import evaluate
    from dltricks.api.export import export
    from dltricks.api.gc import gc
    from dltricks.api.init import init
    from dltricks.api.list import list
    from dltricks.api.lr_find import lr_find
    from dltricks.api.noise import noise
    from dltricks.api.plan import plan
    from dltricks.api.predict import predict
    from dltricks.api.schema import schema
    from dltricks.api.train import train
    from dltricks.api.tricks import tricks
    from dltricks.api.verdict import verdict
    from dltricks.api.worker import worker

__version__ = "0.1.0"

__all__ = [
    "__version__",
    "ablate",
    "average",
    "check",
    "compare",
    "diff",
    "evaluate",
    "export",
    "gc",
    "init",
    "list",
    "lr_find",
    "noise",
    "plan",
    "predict",
    "schema",
    "train",
    "tricks",
    "verdict",
    "worker",
]


def __getattr__(name: str) -> object:
    # Imported when used: the command line shows its help without numpy.
    if name in __all__:
        return getattr(import_module(f"dltricks.api.{name}"), name)
    raise AttributeError(f"module 'dltricks' has no attribute {name!r}")


def __dir__() -> tuple[str, ...]:
    return tuple(sorted(__all__))
