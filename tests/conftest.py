"""Leaves out what cannot even be imported (PyTorch is in few environments), and takes all signals."""

from __future__ import annotations

import signal
from importlib.util import find_spec

from hypothesis import settings

collect_ignore = [] if find_spec("torch") else ["parity"]

# Of the files that fuzz, for about a minute: pytest --hypothesis-profile=minute tests/faults/test_fuzz.py ...
settings.register_profile("minute", max_examples=400)

# A shell's background job, or nohup, hands down signals to be ignored, which dltricks then rightly ignores as well: a
# test that sends them would wait for ever.
for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL)
