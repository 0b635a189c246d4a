"""A calm terminal: what a running workflow tells, by run and stage, in place of Snakemake's blocks of hashes.

While jobs are executed a handler of Snakemake's log takes the place of the one for the terminal.  Dry runs,
`--verbose`, `--quiet`, `--printshellcmds`, `--debug-dag` and `--logger` are as ever, and Snakemake's own log file has
everything.
"""

import logging
import os
import re
import textwrap
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from training_jacobian.progress import CALM
from training_jacobian.workflow import interrupts, publish, told
from training_jacobian.workflow.costs import Job as Cost
from training_jacobian.workflow.tally import Job, Started, Tally

LOGGER, REPLACED = "snakemake.logging", "DefaultStreamHandler"  # Snakemake's names
SILENT = {"workflow_started", "resources_info", "job_started", "shellcmd", "progress", "group_info", "rulegraph"}
NOISE = (
    *("Assuming unrestricted", "Building DAG", "Using shell", "Conda environments", "Singularity containers"),
    *("Select jobs", "Removing temporary", "Complete log", "Elapsed time", "Group jobs: inactive", "Job "),
    *("Exiting because a job execution failed", "Shutting down"),
)
IDLE, INTERRUPTED = "Nothing to be done", "Terminating processes on user request"
UNDONE = "At least one job did not complete"
DIED = r"died with <[^>]+>|returned non-zero exit status \d+"
WIDE = 100  # columns where there is no terminal
QUIET, GROWTH = 60.0, 1.2  # seconds to the first line of a log that only says where it is; the next come more seldom


class Calm(logging.Handler):
    """Tells of the jobs of a workflow; what it does not know, and all if it fails, `default` tells."""

    def __init__(self, default: Any, owners: told.Owners, expected: dict[Job, float], workflow: Any) -> None:
        super().__init__()
        self.published: list[Path] = []  # what the figures asked for are listed in
        self.default, self.owners, self.expected, self.workflow = default, owners, expected, workflow
        self.stream = default.stream
        self.live = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.colored = self.live and not default.nocolor and "NO_COLOR" not in os.environ
        self.tally: Tally | None = None  # once jobs are executed
        self.failures: dict[int, str] = {}  # by the number of the job
        self.reasons: dict[Any, str] = {}  # how the command ended whose job a thread tells of next
        self.idle = self.interrupted = False  # there is nothing to do; the user has stopped it
        self.status, self.said, self.next = "", "", QUIET  # the line in place; the last; when a log gets one
        self.ended = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        """As of any handler."""
        taken = False
        try:
            taken = self._take(record)
        except Exception as error:  # a workflow does not stop because of what it says
            self._give_up(error)
        if not taken:
            self._clear()
            self.default.handle(record)

    def _give_up(self, error: Exception) -> None:
        self.tally = None
        self.ended.set()
        os.environ.pop(CALM, None)
        self._say(f"training-jacobian: no calm terminal ({type(error).__name__}: {error}); Snakemake's own goes on")

    def _take(self, record: Any) -> bool:
        """Tell what a record says, in other words; False if `default` is to tell it."""
        event, text = getattr(record, "event", None), str(record.msg or "")
        if self.ended.is_set():
            return False
        if event == "run_info":
            self._planned()
        elif self.tally is None:
            self.idle = self.idle or text.startswith(IDLE)
            return event in SILENT or text.startswith(NOISE)
        elif event == "job_info":
            job = (record.rule_name, str(record.wildcards.get("key", "")))
            self.tally.start(record.jobid, job, str(next(iter(record.log), "")), map(str, record.output))
            self.failures.pop(record.jobid, None)
        elif event == "job_finished":
            self._finished(self.tally, record.job_id)
        elif event == "job_error":
            self._failed(self.tally, record)
        elif event == "group_error":
            self._group_failed(self.tally, record)
        elif event == "error" and record.exception == "RuleException":
            self.reasons[record.thread] = (re.findall(DIED, text) or [""])[-1]
        elif text.startswith(INTERRUPTED):
            self.interrupted = True
        elif not (
            event in SILENT or text.startswith(NOISE) or (UNDONE in text and (self.failures or self.interrupted))
        ):
            return False
        self._show()
        return True

    def _planned(self) -> None:
        jobs = [(each.rule.name, str(each.wildcards_dict.get("key", ""))) for each in self.workflow.dag.needrun_jobs()]
        self.tally = Tally(jobs, self.expected)
        for line in told.planned(jobs, self.owners, self.workflow.resource_settings.cores):
            self._wrap(line)
        threading.Thread(target=self._tick, daemon=True).start()

    def _finished(self, tally: Tally, number: int) -> None:
        last = tally.finish(number)
        if last and told.stage_of(last) not in ("all", "publish"):
            self._say(f"{told.where(tally)}  {told.stage_done(last, tally, self.owners)}")

    def _failed(self, tally: Tally, record: Any) -> None:
        reason = self.reasons.pop(record.thread, "") or str(record.rule_msg or "")
        if started := self._ended_badly(tally, record.jobid, reason):
            self._tell(record.jobid, told.failed(started, reason, self.owners))

    def _group_failed(self, tally: Tally, record: Any) -> None:
        """Of jobs submitted together those that say what was wrong; else all of them, and the log of the cluster."""
        ended = [(each["jobid"], self._ended_badly(tally, each["jobid"], "")) for each in record.job_error_info]
        jobs = [(number, each) for number, each in ended if each]
        if jobs and not any(told.own_words(each) for _, each in jobs):
            log = ", ".join(map(str, record.aux_logs))
            self._tell(jobs[0][0], told.group_failed([each for _, each in jobs], log, self.owners))
        for number, each in jobs:
            if told.own_words(each):
                self._tell(number, told.failed(each, "", self.owners))

    def _ended_badly(self, tally: Tally, number: int, reason: str) -> Started | None:
        """What a job was that has failed by itself, and did not just hear that the user wants to stop."""
        started = tally.fail(number)
        return None if self.interrupted or reason.endswith("status 130") else started

    def _tell(self, number: int, failure: str) -> None:
        self.failures[number] = failure
        self._say(f"failed: {failure}", red=True)

    def _tick(self) -> None:
        """Once a second: on a terminal the line in place, in a log one now and then."""
        while not self.ended.wait(1):
            self.acquire()
            try:
                if not self.ended.is_set():  # meanwhile
                    self._show()
            except Exception as error:
                self._give_up(error)
            finally:
                self.release()

    def _show(self) -> None:
        if self.tally is None or self.interrupted:
            return
        if self.live:
            text = f"{told.where(self.tally)}  {told.ahead(self.tally, self.owners)}"[: self._width() - 1]
            if text != self.status:
                self._write(f"\r\x1b[K{text}")
                self.status = text
        elif self.tally.elapsed > self.next:
            self._say(f"{told.where(self.tally)}  {told.ahead(self.tally, self.owners)}")

    def _say(self, text: str, red: bool = False) -> None:
        """A line that stays."""
        self._clear()
        if self.tally:
            self.next = max(self.tally.elapsed + QUIET, self.tally.elapsed * GROWTH)
        on, off = ("\x1b[31m", "\x1b[0m") if red and self.colored else ("", "")
        self._write(f"{on}{text}{off}\n")
        self.said = text

    def _wrap(self, text: str) -> None:
        """A list, on as many lines as it takes."""
        filled = textwrap.fill(text, self._width(), subsequent_indent="    ", break_long_words=False)
        self._say(filled.replace(told.GLUE, " "))

    def _width(self) -> int:
        with suppress(OSError, ValueError):
            return (self.live and os.get_terminal_size(self.stream.fileno()).columns) or WIDE
        return WIDE

    def _clear(self) -> None:
        if self.status:
            self._write("\r\x1b[K")
            self.status = ""

    def _write(self, text: str) -> None:
        """Nobody may be there to read it: the work goes on."""
        with suppress(OSError, ValueError):
            self.stream.write(text)
            self.stream.flush()

    def close(self) -> None:
        """The workflow has ended, in whatever way."""
        if not self.ended.is_set():
            self.ended.set()
            with suppress(Exception):
                self._clear()
                self._end()
        super().close()

    def _end(self) -> None:
        for line in told.found(self.published) if self.idle else []:
            self._say(line)
        if self.tally is None:
            return
        again = [f"failed: {each}" for each in self.failures.values()]
        if not self.interrupted and again != [self.said]:
            for line in again:
                self._say(line, red=True)
        for line in told.closing(self.tally, len(again), self.interrupted):
            self._wrap(line)


def install(workflow: Any, plans: list[Any], asked: list[Any], missing: list[Cost]) -> None:
    """Make the terminal of this process calm, if a user executes jobs there and wants nothing else.

    `asked`: those of the plans whose figures, or other files, are asked for; `missing`: jobs, as far as estimated.
    """
    os.environ.pop(CALM, None)
    interrupts.keep()  # with --verbose, too
    wanted, logger = workflow.output_settings, logging.getLogger(LOGGER)
    other = wanted.dryrun or wanted.verbose or wanted.quiet or wanted.printshellcmds or wanted.debug_dag
    replaced = [each for each in logger.handlers if each.name == REPLACED]
    if not workflow.is_main_process or other or not replaced:
        return
    expected = {(each.name, each.key): each.seconds for each in missing}
    calm = Calm(replaced[0], told.owners([*asked, *plans]), expected, workflow)
    calm.published = [each for each in (publish.manifest(plan.study) for plan in asked) if each.exists()]
    logger.removeHandler(replaced[0])
    logger.addHandler(calm)
    os.environ[CALM] = "1"
