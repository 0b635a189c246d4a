"""What a running workflow tells: by run and stage, in few lines, wherever it is read, and whatever goes wrong."""

import io
import logging
import os
import re
from types import SimpleNamespace

import pytest

from training_jacobian.artifacts.oserrors import AGAIN
from training_jacobian.progress import CALM
from training_jacobian.workflow import terminal, told
from training_jacobian.workflow.tally import Tally

WHOSE = {"k1": ["a"], "k2": ["b"], "k3": ["a", "b", "c", "d"], "f1": ["bird"], "f2": ["runs"]}
JOBS = [("train", "k1"), ("train", "k2"), ("svd", "k1"), ("figure", "f1"), ("runs", "f2"), ("publish", "")]


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Default(logging.Handler):
    """Snakemake's own: what it tells."""

    def __init__(self, stream):
        super().__init__()
        self.stream, self.nocolor, self.name, self.seen = stream, False, terminal.REPLACED, []

    def emit(self, record):
        self.seen.append(str(record.msg))


class Calm:
    """The handler, and a workflow of JOBS that tells it what happens."""

    def __init__(self, stream):
        named = [SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards_dict={"key": key}) for rule, key in JOBS]
        self.workflow = SimpleNamespace(
            dag=SimpleNamespace(needrun_jobs=lambda: named), resource_settings=SimpleNamespace(cores=2)
        )
        self.default, self.stream = Default(stream), stream
        self.handler = terminal.Calm(self.default, WHOSE, {}, self.workflow)

    def says(self, event, msg="", level=logging.INFO, **more):
        record = logging.LogRecord("snakemake.logging", level, "", 0, msg, None, None)
        record.__dict__.update({"event": event, **more} if event else more)
        self.handler.handle(record)

    def starts(self, number, log=""):
        rule, key = JOBS[number]
        out = ["results/figs/all"] if rule == "publish" else []
        self.says("job_info", jobid=number, rule_name=rule, wildcards={"key": key}, log=[log], output=out)

    def fails(self, number, reason="returned non-zero exit status 1."):
        self.says("error", f"RuleException:\nCommand 'python' {reason}", logging.ERROR, exception="RuleException")
        self.says("job_error", level=logging.ERROR, jobid=number, rule_msg=None)

    def ends(self, *numbers):
        for number in numbers:
            self.starts(number)
            self.says("job_finished", job_id=number)

    def lines(self):
        self.handler.close()
        return self.stream.getvalue().splitlines()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(CALM, raising=False)


@pytest.fixture
def calm():
    return Calm(io.StringIO())


def test_a_run_that_goes_well(calm):
    calm.says(None, "Building DAG of jobs...")
    calm.says("run_info")
    calm.ends(*range(len(JOBS)))
    calm.says(None, "Elapsed time: 0:00:01")
    lines = calm.lines()
    assert lines[:3] == ["6 jobs on 2 cores: 3 of 2 runs, 3 for figures and tables", "  a: train, svd", "  b: train"]
    assert [re.sub(r" [\d.e-]+ s$", "", line) for line in lines[3:7]] == [
        "[ 0:00] 2/6,  0:00 left  train of a, b: 2 jobs,",
        "[ 0:00] 3/6,  0:00 left  svd of a:",
        "[ 0:00] 4/6,  0:00 left  figure bird:",
        "[ 0:00] 5/6,  0:00 left  runs:",
    ]
    assert lines[7].startswith("6 jobs done in 0:00; by stage: ")
    assert all(f"{stage} " in " ".join(lines[7:]) for stage in ("train", "svd", "figure", "runs", "publish"))
    assert lines[-1] == "figures: results/figs/ (0 figures, 0 tables)"
    assert calm.default.seen == []


def test_what_it_does_not_know_is_told_as_ever(calm):
    calm.says(None, "Unlocking working directory.")
    calm.says(None, "Nothing to be done (all requested files are present and up to date).")
    calm.says("error", "WorkflowError:\nsomething new", logging.ERROR, exception="WorkflowError")
    calm.says("run_info")
    calm.says(None, "a warning", logging.WARNING)
    assert [text.split()[0] for text in calm.default.seen] == ["Unlocking", "Nothing", "WorkflowError:", "a"]
    assert calm.lines()[-1] == "stopped: 0 of 6 jobs are done and kept; the same command goes on"


def log_of(tmp_path, text):
    file = tmp_path / "job.log"
    file.write_text(text)
    return str(file)


def test_failures_end_with_run_stage_cause_remedy_and_log(calm, tmp_path):
    said = "run a, stage svd: J is not finite; lower the rate; log: job.log"
    calm.says("run_info")
    calm.starts(2, log_of(tmp_path, f"Traceback\nValueError: J\ntraining-jacobian: {said}\n"))
    calm.fails(2)
    calm.starts(1, "results/logs/train/k2.log")
    calm.fails(1, "died with <Signals.SIGKILL: 9>.")
    calm.says(None, "Exiting because a job execution failed. Look above for error messages", logging.ERROR)
    calm.says("error", "WorkflowError:\nAt least one job did not complete successfully.", exception="WorkflowError")
    killed = (
        "train of b: died with <Signals.SIGKILL: 9>; it may be short of memory; run the same command again; "
        "log: results/logs/train/k2.log"
    )
    assert calm.lines()[-3:] == [
        f"failed: {said}",
        f"failed: {killed}",
        "2 jobs failed; 0 of 6 jobs are done and kept; the same command goes on",
    ]
    assert calm.default.seen == []


def test_one_failure_is_told_once_and_a_retry_is_none(calm):
    calm.says("run_info")
    for _ in range(2):
        calm.starts(0)
        calm.fails(0)
    assert (
        calm.lines()[-3:].count("failed: train of a: returned non-zero exit status 1; run the same command again") == 2
    )
    again = Calm(io.StringIO())
    again.says("run_info")
    again.starts(0)
    again.fails(0)
    again.ends(*range(len(JOBS)))
    assert any(line.startswith("6 jobs done in") for line in again.lines())


def test_an_old_log_is_not_taken_for_this_failure(calm, tmp_path):
    log = log_of(tmp_path, "training-jacobian: run a, stage svd: of last week\n")
    os.utime(log, (1, 1))
    calm.says("run_info")
    calm.starts(2, log)
    calm.fails(2, "died with <Signals.SIGKILL: 9>.")
    assert "of last week" not in "".join(calm.lines())


def test_jobs_that_a_cluster_ran_together(tmp_path):
    """The one that says what was wrong; else all of them, and the cluster's log."""
    for text in ("training-jacobian: run a, stage svd: no room; make some; log: job.log\n", "svd: 3 s\n"):
        calm = Calm(io.StringIO())
        calm.says("run_info")
        calm.starts(0)
        calm.starts(2, log_of(tmp_path, text))
        infos = [{"jobid": 0}, {"jobid": 2}]
        calm.says("group_error", level=logging.ERROR, job_error_info=infos, aux_logs=["slurm/1.log"])
        for number in (0, 2):
            calm.says("job_error", level=logging.ERROR, jobid=number, rule_msg=None)
        failed = [line for line in calm.lines() if line.startswith("failed: ")]
        assert failed == [
            "failed: run a, stage svd: no room; make some; log: job.log"
            if "no room" in text
            else f"failed: train of a, svd of a: one of them has ended badly; {AGAIN}; log: slurm/1.log"
        ]


def test_an_interrupt_is_one_line(calm):
    calm.says("run_info")
    calm.ends(0)
    calm.starts(1)
    calm.starts(2)
    calm.fails(1, "returned non-zero exit status 130.")  # a job may hear of it before Snakemake says so
    calm.says(None, "Terminating processes on user request, this might take some time.")
    calm.fails(2)
    infos = [{"jobid": 2}]
    calm.says("group_error", level=logging.ERROR, job_error_info=infos, aux_logs=[])
    calm.says("error", "WorkflowError:\nAt least one job did not complete successfully.", exception="WorkflowError")
    assert calm.lines()[3:] == ["interrupted: 1 of 6 jobs are done and kept; the same command goes on"]
    assert calm.default.seen == []


def test_a_dumb_terminal_is_told_as_a_pipe_is(monkeypatch):
    for name, written in (("dumb", 0), ("xterm", 1)):
        monkeypatch.setenv("TERM", name)
        calm = Calm(Terminal())
        calm.says("run_info")
        calm.starts(0)
        assert calm.stream.getvalue().count("\r\x1b[K") >= written
        assert written or "\x1b" not in calm.stream.getvalue()
        calm.handler.close()


@pytest.mark.parametrize("columns", [40, 200])
def test_on_a_terminal_a_line_stays_in_place(columns, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    calm = Calm(Terminal())
    monkeypatch.setattr(calm.handler, "_width", lambda: columns)
    calm.says("run_info")
    calm.starts(0)
    calm.starts(1)
    shown = calm.stream.getvalue().split("\r\x1b[K")[-1]
    assert shown == "[ 0:00] 0/6  train of a; train of b"[: columns - 1]
    assert len(shown) < columns
    calm.says("job_finished", job_id=0)
    calm.says("job_finished", job_id=1)
    assert "\r\x1b[K[ 0:00] 2/6,  0:00 left  train of a, b: 2 jobs, " in calm.stream.getvalue()
    assert "jobs/min; train of b" in calm.stream.getvalue() or columns == 40
    calm.handler.close()


@pytest.mark.parametrize(("name", "colored"), [("NO_COLOR", False), ("SOME_COLOR", True)])
def test_color(name, colored, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv(name, "1")
    calm = Calm(Terminal())
    calm.says("run_info")
    calm.starts(0)
    calm.fails(0)
    assert ("\x1b[31m" in calm.stream.getvalue()) == colored
    calm.handler.close()


def test_a_job_says_in_its_log_where_it_is(tmp_path):
    tally = Tally(JOBS, {})
    tally.start(2, JOBS[2], log_of(tmp_path, "SVD: 3/9 columns, 2.0 columns/s, 0:03 left\n"))
    assert told.ahead(tally, WHOSE) == "svd of a (3/9 columns, 2.0 columns/s, 0:03 left)"
    tally.start(2, JOBS[2], log_of(tmp_path, "svd: 3.0 s, start-up 1 s\n"))
    assert told.ahead(tally, WHOSE) == "svd of a"


def test_a_stream_that_nobody_reads(calm, monkeypatch):
    def broken(text):
        raise BrokenPipeError

    monkeypatch.setattr(calm.stream, "write", broken)
    calm.says("run_info")
    calm.ends(*range(len(JOBS)))
    calm.handler.close()
    assert calm.handler.tally.done.total() == 6


def test_if_it_fails_snakemake_tells(calm, monkeypatch):
    calm.says("run_info")
    monkeypatch.setattr(told, "stage_done", lambda *_: 1 / 0)
    monkeypatch.setenv(CALM, "1")
    calm.ends(2)
    calm.says(None, "Select jobs to execute...")
    assert calm.default.seen == ["", "Select jobs to execute..."]
    assert "no calm terminal (ZeroDivisionError: division by zero); Snakemake's own goes on" in calm.lines()[-1]
    assert CALM not in os.environ
