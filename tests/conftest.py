"""Leaves out what cannot even be imported (PyTorch is in few environments), and takes all signals."""

from __future__ import annotations

import signal
from importlib.util import find_spec

from hypothesis import HealthCheck, settings

collect_ignore = [] if find_spec("torch") else ["parity"]

# No test is about its own speed. Fixtures that examples share are made for that.
settings.register_profile(
    "usual",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
# Of the files that fuzz, for about a minute: pytest --hypothesis-profile=minute tests/faults/test_fuzz.py ...
settings.register_profile("minute", settings.get_profile("usual"), max_examples=400)
settings.load_profile("usual")

# A shell's background job, or nohup, hands down signals to be ignored, which dltricks then rightly ignores as well: a
# test that sends them would wait for ever.
for _name in ("SIGINT", "SIGTERM", "SIGHUP"):
    _number = getattr(signal, _name, None)
    if _number is not None and signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _name == "SIGINT" else signal.SIG_DFL)
