"""Readers that go away, as `head` does: the work is done whole, and the status says what nobody has seen."""

import errno
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import HANGS, ROOT
from training_jacobian import streams
from training_jacobian.artifacts import address
from training_jacobian.workflow.plan import plan

UNBUFFERED = pytest.param("1", marks=pytest.mark.engines)


@pytest.fixture(params=["", UNBUFFERED], ids=["at the end", "at once"], autouse=True)
def written(request, monkeypatch):
    """When Python writes what is printed, and so meets the error."""
    monkeypatch.setenv("PYTHONUNBUFFERED", request.param)


def unread(project, *words, stream="stdout"):
    """Status, and what the other stream has, of a command that writes to a pipe which nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, stream: writing}
    command = [sys.executable, "-m", "training_jacobian", *words]
    done = subprocess.run(
        command, cwd=project.root, env=project.environment, **pipes, text=True, check=False, timeout=HANGS
    )
    os.close(writing)
    return done.returncode, done.stderr if stream == "stdout" else done.stdout


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["path", "a"], 0),
        (["status"], 0),
        (["--help"], 0),
        (["check"], 1),  # nobody has seen that all is well
        (["verify"], 1),
        (["gc"], 1),
    ],
)
def test_commands_whose_output_nobody_reads(project, words, status):
    assert unread(project, *words) == (status, "")


def test_what_is_wrong_is_told_all_the_same(project):
    project.edit("hidden: [2]", "hidden: [9999999]")
    status, told = unread(project, "check")
    assert status == 1
    assert "lower model.hidden" in told


def test_gc_deletes_whatever_becomes_of_its_list(project, monkeypatch):
    monkeypatch.chdir(project.root)
    old = Path(address.path(plan().recipes["b"]["svd"]))
    project.edit("{seed: 1}}", "{seed: 7}}")
    assert old.is_dir()
    assert unread(project, "gc", "--yes") == (1, "")
    assert not old.exists()


@pytest.mark.engines
def test_jobs_do_not_need_anybody_who_listens(project, monkeypatch):
    """What they say of their progress has no say in their end."""
    monkeypatch.chdir(project.root)
    made = plan().recipes["a"]["jacobian"]
    out = Path(address.path(made, "columns-0-96.h5"))
    words = ["job", "columns", "--recipe", f"results/recipes/{address.key(made)}.json", "--jax", "--range", "0", "96"]
    assert unread(project, *words, "--out", str(out), stream="stderr")[0] == 0
    assert out.exists()


class Broken(io.StringIO):
    """A stream that cannot be written to; it stands for the file descriptor `number`."""

    def __init__(self, code, number):
        self.code, self.number = code, number

    def fileno(self):
        return self.number

    def write(self, text):
        raise OSError(self.code, os.strerror(self.code))


def test_only_what_is_lost_is_swallowed(tmp_path):
    with (tmp_path / "stream").open("w") as file:
        broken = streams.Lasting(Broken(errno.EPIPE, file.fileno()), BrokenPipeError)
        assert not broken.cut
        assert broken.write("text") == 4
        assert broken.cut
        os.write(file.fileno(), b"what a library prints by itself")
    assert (tmp_path / "stream").read_text() == ""
    with pytest.raises(OSError, match="No space left"):  # a full disk behind `>`
        streams.Lasting(Broken(errno.ENOSPC, 1), BrokenPipeError).write("text")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full disk")
def test_a_full_disk_behind_the_output_is_told():
    command = ["bash", "-c", '"$0" -m training_jacobian path paper > /dev/full', sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "training-jacobian: OSError: [Errno 28] No space left on device\n"


def test_a_process_without_streams():
    """As some services start it: what would be said is said to nobody."""
    command = ["bash", "-c", '"$0" -m training_jacobian path paper >&- 2>&-', sys.executable]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
