"""Standard output and error whose reader may go away, as `head` does: nobody hears the rest, and the work goes on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import Any


class Lasting:
    """A stream for text that swallows the errors `lost` of writing; `cut` tells whether there was one.

    `stream` is None where the process was started without one.
    """

    def __init__(self, stream: Any, lost: type[OSError]) -> None:
        self.stream, self.lost, self.cut = stream or open(os.devnull, "w"), lost, False  # noqa: PTH123, SIM115

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)

    def write(self, text: str) -> int:
        """As of any stream: how many characters were taken."""
        try:
            self.stream.write(text)
        except self.lost:
            self.leave()
        return len(text)

    def flush(self) -> None:
        """As of any stream."""
        try:
            self.stream.flush()
        except self.lost:
            self.leave()

    def leave(self) -> None:
        """Nothing more goes there, neither what waits in the buffer nor what libraries print by themselves."""
        self.cut = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.stream.fileno())


@contextmanager
def lasting() -> Iterator[Lasting]:
    """Standard output, and error beside it, made lasting.  What is printed on either is flushed at the end."""
    # a full disk behind `>` is an error; whatever is wrong with the messages, it stops nothing
    out, err = Lasting(sys.stdout, BrokenPipeError), Lasting(sys.stderr, OSError)
    to_out: Any = out
    to_err: Any = err
    with redirect_stdout(to_out), redirect_stderr(to_err):
        try:
            yield out
        finally:
            err.flush()
            try:
                out.flush()
            except OSError:  # that has been told; Python would try once more at its exit, and tell it in its own way
                out.leave()
