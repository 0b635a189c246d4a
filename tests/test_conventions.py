"""What others expect of a workflow and of a package: a module of another workflow, the catalog's usage, a citation."""

import re
import shutil
import subprocess
import textwrap

import pytest
import yaml

import training_jacobian
from conftest import ROOT, TINY, Project
from training_jacobian.workflow.loading import ParamsError, load

OTHER = """
configfile: "mine.yaml"


rule mine:
    output:
        "mine.txt",
    shell:
        "env > {output}"


module training_jacobian:
    snakefile:
        SNAKEFILE
    config:
        config["network"]


use rule * from training_jacobian as jacobian_*
"""


@pytest.fixture
def other(tmp_path):
    """Another workflow with this one as a module, in a folder of its own; where the module lies is for it to say."""

    def make(snakefile):
        module, folder = Project.create(tmp_path / "module"), tmp_path / "other"
        (module.root / "params.yaml").unlink()
        folder.mkdir()
        (folder / "Snakefile").write_text(OTHER.replace("SNAKEFILE", snakefile.format(root=module.root)))
        (folder / "mine.yaml").write_text(f"network:\n{textwrap.indent(TINY, '  ')}")
        made = Project(folder)
        made.environment = module.environment
        return made

    return make


HERE = '"{root}/workflow/Snakefile"'


def test_as_a_module_it_plans_the_same(other, tmp_path):
    """Its config is the other workflow's, with `1e-1` as Snakemake reads it, its results are in that one's folder."""
    planned = other(HERE).run("-n", "jacobian_all")
    assert planned.returncode == 0, planned.stderr
    pattern = r"^(?:local)?rule (?:jacobian_)?(\w+):$.*?wildcards: key=([0-9a-f]{12})"
    found = [re.findall(pattern, planned.stdout + planned.stderr, flags=re.MULTILINE | re.DOTALL)]
    alone = Project.create(tmp_path / "alone").run("-n")
    found.append(re.findall(pattern, alone.stdout + alone.stderr, flags=re.MULTILINE | re.DOTALL))
    assert sorted(found[0]) == sorted(found[1])
    assert len(found[0]) > 20
    assert (tmp_path / "other/results/recipes/names").exists()
    assert not (tmp_path / "module/results").exists()


def test_as_a_module_it_runs_and_leaves_the_other_rules_alone(other):
    project = other(HERE)
    planned = project.run("-n", "jacobian_all_data")
    (data,) = set(re.findall(r"results/data/\w+/data\.h5", planned.stdout + planned.stderr))
    done = project.run(data, "mine.txt")
    assert done.returncode == 0, done.stderr
    assert (project.root / data).exists()
    assert "localrule jacobian_data:" in done.stderr  # the terminal is the other workflow's
    surroundings = dict(
        line.split("=", 1) for line in (project.root / "mine.txt").read_text().splitlines() if "=" in line
    )
    assert surroundings["PYTHONPATH"] == project.environment["PYTHONPATH"]


def test_as_a_module_it_says_what_is_wrong_with_its_config(other):
    project = other(HERE)
    project.edit("bulk_tolerance", "bulk_tolerence", "mine.yaml")
    done = project.run("-n", "jacobian_all")
    assert done.returncode != 0
    told = "config: spectrum: unknown key 'bulk_tolerence'; did you mean 'bulk_tolerance'?"
    assert told in done.stdout + done.stderr


@pytest.mark.engines
def test_as_a_module_from_a_repository(other):
    """Which is no folder here: the package is to be installed."""
    project = other('gitfile("{root}", path="workflow/Snakefile", ref="main")')
    root = project.root.parent / "module"
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", *words], cwd=root, check=True)
    shutil.rmtree(root / "workflow")
    done = project.run("-n", "jacobian_all")
    assert done.returncode == 0, done.stderr
    assert "rule jacobian_svd:" in done.stdout + done.stderr


def test_the_config_to_start_from_is_a_study():
    """What snakedeploy copies."""
    assert load(ROOT / "config/config.yaml").runs.keys() == load(ROOT / "studies/smoke.yaml").runs.keys()
    assert (
        load(yaml.safe_load((ROOT / "config/config.yaml").read_text())).runs.keys()
        == load(ROOT / "config/config.yaml").runs.keys()
    )
    with pytest.raises(ParamsError, match=r"^config: unknown key 'runz'"):
        load({"runz": {}})


def test_the_catalog_finds_what_it_asks_for():
    usage = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert usage["mandatory-flags"]["desc"]
    assert usage["software-stack-deployment"]["conda"] is True
    for name in ("workflow/Snakefile", "config/README.md", "LICENSE", "README.md"):
        assert (ROOT / name).is_file()
    assert (ROOT / "Snakefile").read_text().count('include: "workflow/Snakefile"') == 1


def test_the_default_target_is_that_of_the_workflow(tmp_path):
    """An included file brings none."""
    project = Project.create(tmp_path / "project")
    assert project.jobs()["all"] == 1
    project.edit('workflow.default_target = "all"', "", "Snakefile")
    assert not project.jobs()  # negative control


def test_the_citation_is_of_this_version():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "type", "license"} <= cited.keys()
    assert cited["version"] == training_jacobian.__version__
    papers = {each["value"] for reference in cited["references"] for each in reference["identifiers"]}
    assert papers == {"arXiv:2412.07003", "arXiv:1812.04754"}
