"""A project under git and DVC, for tests of what DVC does."""

import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from conftest import HANGS, ROOT, Project
from training_jacobian.workflow import starting

ONE_RUN = {"train": 1, "columns": 2, "jacobian": 1, "svd": 1, "agreement": 1, "spectrum": 1}
JACOBIANS = {"columns", "jacobian", "svd"}


class Repository(Project):
    """A project under git and DVC; tells which jobs an engine ran, by the logs that jobs write."""

    def git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        return self.call("git", *identity, *arguments)

    def call(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=HANGS, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def ran(self, *command: str) -> Counter[str]:
        """Jobs by the stage of their log, that a command ran; `shown` is what it printed."""
        start = time.time_ns()
        self.shown = self.call(*command)
        logs = [log for log in (self.root / "results/logs").glob("*/*.log") if log.stat().st_mtime_ns > start]
        return Counter(log.parent.name if log.stem.count("-") < 2 else "columns" for log in logs)

    def snakemake(self) -> Counter[str]:
        return self.ran("snakemake", "--cores", "2", "results/figs/all")

    def dvc(self, *arguments: str) -> Counter[str]:
        return self.ran("dvc", *arguments)

    def copy(self, root: Path) -> "Repository":
        shutil.copytree(self.root, root, symlinks=True)
        return Repository(root)


def create(root: Path, params: str) -> Repository:
    Project.create(root, params)
    of_dvc = [name for name in starting.files(ROOT) if str(name).startswith(".") or name.name == "dvc.yaml"]
    for name in of_dvc:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, root / name)
    made = Repository(root)
    made.git("init", "--quiet", "--initial-branch", "main")
    made.git("add", "--all")
    made.git("commit", "--quiet", "--message", "start")
    return made


def only_core(ran):
    """Of jobs those that every run with a J has."""
    return {stage: count for stage, count in ran.items() if stage in ONE_RUN}
