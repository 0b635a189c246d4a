"""`dvc repro` sees what changes in components/."""

import pytest

import own_files
import repository

pytestmark = pytest.mark.engines


def test_an_edit_of_a_file_is_seen_and_a_comment_costs_nothing(tmp_path):
    model = {"name": "file", "path": "components/net.py"}
    params = own_files.params(data={"name": "file", "path": "components/my.npz"}, model=model)
    project = repository.create(tmp_path / "project", params)
    own_files.write(project.root / "components")
    ran = project.dvc("repro", "svd")
    assert {stage: ran[stage] for stage in ("data", "train", "svd")} == {"data": 1, "train": 1, "svd": 1}
    assert project.ran("snakemake", "--cores", "2", "all_svd") == {}
    project.edit("jnp.tanh", "jnp.sin", "components/net.py")
    ran = project.dvc("repro", "svd")
    assert {stage: ran[stage] for stage in ("data", "train", "svd")} == {"data": 0, "train": 1, "svd": 1}
    project.edit("def apply", "# a comment\ndef apply", "components/net.py")
    assert project.dvc("repro", "svd") == {}
    own_files.write(project.root / "components", own_files.examples(seed=1))
    ran = project.dvc("repro", "svd")
    assert {stage: ran[stage] for stage in ("data", "train", "svd")} == {"data": 1, "train": 1, "svd": 1}
