"""Ctrl-C, wherever Snakemake is."""

import asyncio
import os
import signal
import time

import pytest

from training_jacobian.workflow import interrupts


def test_asyncio_does_not_take_interrupts():
    """Snakemake would end with a traceback, or go on, where one came while it waits there."""

    async def interrupted():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(10):
            try:
                await asyncio.sleep(0)
            except asyncio.CancelledError:
                return "lost"

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert asyncio.run(interrupted()) == "lost"  # the control
        interrupts.keep()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(interrupted())
    finally:
        signal.signal(signal.SIGINT, before)


def test_an_interrupt_while_snakemake_writes_is_not_lost():
    def emit():  # as Snakemake's handler of its log does
        try:
            os.kill(os.getpid(), signal.SIGINT)
            sum(range(1000))
        except KeyboardInterrupt:
            pass

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        emit()
        time.sleep(0.5)  # the control: it is lost
        interrupts.keep()
        with pytest.raises(KeyboardInterrupt):
            emit()
            time.sleep(5)
    finally:
        signal.signal(signal.SIGINT, before)
