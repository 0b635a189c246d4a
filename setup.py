"""What pyproject.toml cannot say: the files of the workflow go into the wheel, for `training-jacobian init`."""

import shutil
import sys
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT / "src"))
from training_jacobian.workflow.starting import PACKED, files  # noqa: E402


class BuildWithWorkflow(build_py):
    """As ever, and the files of the workflow beside the modules."""

    def run(self) -> None:
        """Copy them; an editable install has them in the repository."""
        super().run()
        if not self.editable_mode:
            for file in files(ROOT):
                target = Path(self.build_lib, "training_jacobian", PACKED, file)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / file, target)


setup(cmdclass={"build_py": BuildWithWorkflow})
