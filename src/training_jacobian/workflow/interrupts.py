"""Ctrl-C, which asyncio and Snakemake's log would swallow."""

import os
import signal
import threading
from typing import Any


def keep() -> None:
    """Ctrl-C raises KeyboardInterrupt wherever Snakemake is.

    asyncio, in which it often is, replaces Python's own handler by one that cancels a task: Snakemake then ends with a
    traceback, or goes on.  It leaves other handlers alone.  Snakemake's handler of its log swallows what comes while it
    writes: the signal is sent again.
    """
    mine = threading.current_thread() is threading.main_thread()
    if mine and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, frame: Any) -> None:
    above = frame
    while above is not None:
        if above.f_code.co_name == "emit":
            threading.Timer(0.1, os.kill, (os.getpid(), number)).start()
            return
        above = above.f_back
    signal.default_int_handler(number, frame)
