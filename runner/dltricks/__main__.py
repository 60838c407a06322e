"""``dltricks`` and ``python -m dltricks``: the command line, which Ctrl-C ends quietly from its first import on."""

import gc
import os
import signal
import sys

ENVIRONMENT = {"OPENBLAS_NUM_THREADS": "1", "PYDANTIC_DISABLE_PLUGINS": "__all__"}
"""Variables that keep libraries from what they would do for nothing, unless the user sets them.

BLAS has one thread wherever bits count; more of them, started as numpy is loaded and again in every copy of this
process, wait for work by spinning, a tenth of a short study's processor time. And pydantic looks through all that is
installed for plugins.
"""


def main() -> None:
    """Runs the command line; outside of a command, Ctrl-C leaves at once and says nothing."""
    # Where it is ignored, as under nohup, it stays so.
    guarded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if guarded:
        signal.signal(signal.SIGINT, _leave)
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    # What is imported stays: to look for garbage in it time and again is a twentieth of a short command.
    gc.set_threshold(100_000)
    from dltricks.cli.main import main as command_line

    try:
        if guarded:  # within a command there may be files to remove
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command_line()
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        if guarded:
            signal.signal(signal.SIGINT, _leave)
        # The process ends, and its memory with it: to look through all of it for garbage would take 80 ms.
        gc.freeze()


def _leave(number: int, frame: object) -> None:
    os._exit(128 + number)


if __name__ == "__main__":
    main()
