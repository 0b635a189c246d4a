"""Progress on a terminal, and silence in a log."""

import io

from training_jacobian import progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(monkeypatch, stream, seconds_per_unit):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    counter = progress.Progress("work", 100, "columns", stream)
    for _ in range(100):
        now[0] += seconds_per_unit
        counter.advance(1)
    return stream.getvalue().splitlines()


def test_terminal_shows_rate_and_time_left(monkeypatch):
    lines = run(monkeypatch, Terminal(), 2.0)
    assert lines[0] == "work: 3/100 columns, 0.5 columns/s, 3:14 left"
    assert lines[-1] == "work: 100/100 columns, 0.5 columns/s, took 3:20"
    assert 10 < len(lines) < 40


def test_long_work_does_not_flood(monkeypatch):
    assert len(run(monkeypatch, Terminal(), 600.0)) < 50


def test_log_gets_one_line(monkeypatch):
    lines = run(monkeypatch, io.StringIO(), 40.0)
    assert lines == ["work: 100/100 columns, 0.0 columns/s, took 1:06:40"]
