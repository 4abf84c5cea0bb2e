"""Starts ministack, the AWS emulator, with two of its delays removed and tied to the life of its parent.

Run by emulator.py in the emulator's own Python environment; everything else about ministack is as published and
configured by its environment variables. The changes are made to the classes in memory, never to the package, and
belong to the pinned version: a new version is checked against them before the pin moves.
"""

import os
import socketserver
import sys
import threading
import time

from ministack import app
from ministack.core import lambda_runtime


def answer_without_nagle() -> None:
    """The Lambda runtime API writes headers and body separately; Nagle's algorithm then holds the body back for 40 ms."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def collect_logs_briefly() -> None:
    """After each invocation ministack waits up to 50 ms for a log line. Late lines are kept for the next one instead."""
    first_line_wait, idle_confirm, hard_cap = 0.002, 0.001, 0.25
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (first_line_wait, idle_confirm, hard_cap)


def end_with_parent() -> None:
    """If the process that started us dies without a word, so do we: no emulator is left behind holding a port."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


if __name__ == "__main__":
    answer_without_nagle()
    collect_logs_briefly()
    end_with_parent()
    sys.exit(app.main())
