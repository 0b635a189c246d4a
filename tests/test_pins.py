"""One set of versions: pyproject.toml asks, requirements.txt pins, for tests with more beside, envs/ mirrors."""

import re
import tomllib

import pytest
import yaml

from conftest import ROOT

CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def requirements(file="requirements.txt"):
    pins = {}
    for line in (ROOT / file).read_text().splitlines():
        assert re.match(r"^[a-z0-9._-]+==[^ ;]+( ; .*)?$", line), f"not a plain pin: {line}"
        name, version = line.split(" ;")[0].split("==")
        pins.setdefault(name, version)  # the first is for the oldest Python
    return pins


def test_conda_environment_mirrors_the_pins():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {re.split("[<>=!~]", each)[0] for each in project["dependencies"]}
    environment = yaml.safe_load((ROOT / "envs/training-jacobian.yaml").read_text())["dependencies"]
    pins = requirements()
    jobs = sorted(wanted - {"snakemake", "dvc"})  # jobs do not need what starts them
    assert environment[0] == "python=3.11"
    assert sorted(environment[1:]) == sorted(f"{CONDA_NAMES.get(name, name)}={pins[name]}" for name in jobs)


def test_tests_have_what_users_have_and_what_only_tests_need():
    users, tests = requirements(), requirements("tests/requirements.txt")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    only_tests = {re.split(r"[<>=!~\[]", each)[0] for each in project["optional-dependencies"]["dev"]}
    assert users.items() <= tests.items()
    assert only_tests <= set(tests) - set(users)
    for_slurm = requirements("tests/slurm/requirements.txt")
    assert {"snakemake-executor-plugin-slurm", "snakemake-executor-plugin-slurm-jobstep"} == set(for_slurm)


def test_every_rule_names_the_environment():
    for file in (ROOT / "workflow/rules").glob("*.smk"):
        for rule in re.split(r"^rule ", file.read_text(), flags=re.MULTILINE)[1:]:
            assert "    conda:\n        ENVIRONMENT\n" in rule, f"{file.name}: {rule.splitlines()[0]}"
    assert 'os.path.join("envs", "training-jacobian.yaml")' in (ROOT / "workflow/rules/common.smk").read_text()


PINS = (
    "requirements.txt",
    "tests/requirements.txt",
    "tests/slurm/requirements.txt",
    "envs/training-jacobian.yaml",
    "pyproject.toml",
)


@pytest.mark.parametrize("file", PINS)
def test_no_address_of_a_registry(file):
    lines = (ROOT / file).read_text().splitlines()
    assert not [line for line in lines if "://" in line or line.startswith("--")]
