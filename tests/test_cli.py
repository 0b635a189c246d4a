"""The commands for people, and what a job refuses."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from conftest import ROOT
from training_jacobian import cli, commands, job
from training_jacobian.artifacts import address
from training_jacobian.jobs import troubles
from training_jacobian.stages import STAGES
from training_jacobian.workflow import catalog
from training_jacobian.workflow.plan import plan
from training_jacobian.workflow.sections import PLOT


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch):
    monkeypatch.chdir(ROOT)


def test_help_is_quick_to_load():
    heavy = ("jax", "numpy", "pandas", "pydantic")
    program = f"import sys, training_jacobian.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_snakefile_needs_no_jax():
    program = "import sys, training_jacobian.workflow.plan as p; p.plan(); print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_help_tells_what_to_do(capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert "snakemake --cores all results/figs/all" in text
    assert "training-jacobian path paper svd" in text


def test_path(capsys):
    assert cli.main(["path", "paper", "svd"]) == 0
    key = address.key(plan().recipes["paper"]["svd"])
    assert capsys.readouterr().out == f"results/svd/{key}/svd.h5\n"
    assert cli.main(["path", "paper"]) == 0
    stages = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert stages == [*STAGES, "agreement", "spectrum", "behaviour", "hessian", "identity", "perturbation", "subspace"]


def test_path_of_what_no_figure_shows(capsys):
    assert cli.main(["path", "paper", "pfj"]) == 1
    assert "no figure in params.yaml shows pfj of 'paper', so it is not computed; add" in capsys.readouterr().err


def test_names_agree():
    assert (*STAGES, "figures") == address.STAGES
    assert (*STAGES, *catalog.ANALYSES) == catalog.ORDER
    assert not {*job.MODULES, *address.STAGES} & set(catalog.ANALYSES)  # what a job is called says what it does
    assert {*catalog.KINDS, "runs"} == {kind for each in get_args(get_args(PLOT)[0]) for kind in kinds_of(each)}
    for analysis, kind in catalog.KINDS.values():
        assert kind.file in catalog.files(analysis)


def kinds_of(plot):
    """Kinds that a model of a figure takes."""
    return get_args(plot.model_fields["kind"].annotation)


def test_unknown_run_and_stage(capsys):
    assert cli.main(["path", "papr", "svd"]) == 1
    assert "params.yaml has no run 'papr'; did you mean 'paper'?" in capsys.readouterr().err
    assert cli.main(["path", "paper", "svdd"]) == 1
    assert "no stage or analysis 'svdd'; did you mean 'svd'?" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        cli.main(["pth", "paper", "svd"])
    assert stopped.value.code == 2


def test_show_fills_in_defaults(capsys):
    assert cli.main(["show", "paper_float32"]) == 0
    text = capsys.readouterr().out
    assert "dtype: float32" in text
    assert "momentum: 0.9" in text


def test_check(capsys):
    assert cli.main(["check"]) == 0
    assert "paper: 4810 parameters, 625 steps, float64" in capsys.readouterr().out


def test_a_job_refuses_another_address(capsys, tmp_path):
    made = plan().recipes["paper"]["data"]
    (tmp_path / "recipe").write_text(json.dumps(made))
    arguments = ["job", "data", "--recipe", str(tmp_path / "recipe"), "--out", str(tmp_path / "data.h5")]
    assert cli.main([*arguments, "--log", str(tmp_path / "log")]) == 1
    assert f"is not at the address of --recipe, {address.key(made)}" in capsys.readouterr().err
    assert "Traceback" in (tmp_path / "log").read_text()
    assert not (tmp_path / "data.h5").exists()


@pytest.mark.parametrize(("command", "stage"), [("svdd", "svd"), ("svd", "spectrum"), ("columns", "train")])
def test_a_job_refuses_the_recipe_of_another_stage(capsys, tmp_path, command, stage):
    made = plan().recipes["paper"][stage]
    (tmp_path / "recipe").write_text(json.dumps(made))
    out = tmp_path / address.key(made) / "out.h5"
    assert cli.main(["job", command, "--recipe", str(tmp_path / "recipe"), "--out", str(out)]) == 1
    assert f"{command} is no job of --recipe, which is of stage {stage}" in capsys.readouterr().err
    assert not out.exists()


def test_a_job_refuses_code_edited_since(capsys, tmp_path):
    made = {**plan().recipes["paper"]["data"], "code": {"stages.data": "0" * 12}}
    (tmp_path / "recipe").write_text(json.dumps(made))
    out = tmp_path / address.key(made) / "data.h5"
    assert cli.main(["job", "data", "--recipe", str(tmp_path / "recipe"), "--out", str(out)]) == 1
    told = "stages.data, or what it imports, was edited after the workflow was started; run the same command again"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("epochs = 0; raise it"), "epochs = 0; raise it"),
        (AssertionError(), "AssertionError"),
        (RuntimeError("  "), "RuntimeError"),
        (KeyError("every"), "KeyError: 'every'"),
        (MemoryError(), "out of memory; give the job more, or compute less at once"),
        (
            PermissionError(13, "", "data/x"),
            "data/x: cannot be opened: Permission denied; have it allowed",
        ),
    ],
)
def test_no_error_without_text(error, told):
    assert troubles.cause(error).startswith(told)


def test_commands_find_the_project_of_their_params_file(capsys, monkeypatch):
    """From a folder below it, where a notebook may lie."""
    monkeypatch.chdir(ROOT / "docs")
    assert cli.main(["path", "--params", "../params.yaml", "paper", "svd"]) == 0
    monkeypatch.chdir(ROOT)
    assert capsys.readouterr().out == f"../{plan().files('paper', 'svd')[0]}\n"
    assert Path.cwd() == ROOT


def test_the_project_is_that_of_the_folder_one_is_in(tmp_path, monkeypatch):
    """As for `snakemake --configfile`; from elsewhere that of the params file, where it stands, not where it leads."""
    for name in ("a", "b"):
        (tmp_path / name / "below").mkdir(parents=True)
        (tmp_path / name / "Snakefile").touch()
        (tmp_path / name / "x.yaml").touch()
    (tmp_path / "a/link.yaml").symlink_to("../b/x.yaml")
    found = {
        ("a", "../b/x.yaml"): "a",
        ("a/below", "../../b/x.yaml"): "b",
        (".", "b/below/../x.yaml"): "b",
        (".", "a/link.yaml"): "a",
        ("b/below", "../../a/link.yaml"): "a",
    }
    for (here, params), root in found.items():
        monkeypatch.chdir(tmp_path / here)
        assert commands.root_of(Path(params)) == tmp_path / root, (here, params)


def test_an_error_is_told_where_its_teller_has_one(monkeypatch):
    """A package that is broken breaks the look-up of whose job it was, too."""
    monkeypatch.setitem(sys.modules, "training_jacobian.artifacts.address", None)
    made = {"stage": "svd", "parameters": {}, "code": {}}
    options = argparse.Namespace(recipe=made, name="job", stage="svd")
    assert troubles.told(ValueError("the first error"), options) == "stage svd: the first error"
