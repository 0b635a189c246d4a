"""Results shared through DVC: a remote in a folder, and one in S3."""

import socket
import subprocess
import sys

import boto3
import pytest
from botocore.config import Config

from repository import Repository

pytestmark = pytest.mark.engines


@pytest.fixture
def project(committed, tmp_path) -> Repository:
    return committed.copy(tmp_path / "project")


def publish_results(project, url, **options):
    """The recipe for a shared remote in the README."""
    project.call("dvc", "remote", "add", "--default", "shared", url)
    for option, value in options.items():
        project.call("dvc", "remote", "modify", "shared", option, value)
    project.git("commit", "--quiet", "--all", "--message", "remote")
    project.call("dvc", "push")


def cloned(project, root):
    project.git("clone", "--quiet", ".", str(root))
    clone = Repository(root)
    clone.call("dvc", "pull")
    return clone


@pytest.mark.parametrize("engine", ["snakemake", "dvc"])
def test_clone_and_pull(project, tmp_path, engine):
    publish_results(project, str(tmp_path / "remote"))
    clone = cloned(project, tmp_path / "clone")
    ran = clone.snakemake() if engine == "snakemake" else clone.dvc("repro")
    assert set(ran) <= {"publish"}
    assert (clone.root / "results/figs/all").read_bytes() == (project.root / "results/figs/all").read_bytes()


@pytest.fixture
def s3(monkeypatch):
    """Address of an S3-compatible server on this machine, with a bucket called `shared`."""
    for name, value in (("ACCESS_KEY_ID", "test"), ("SECRET_ACCESS_KEY", "test"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            client = boto3.client(
                "s3",
                endpoint_url=f"http://127.0.0.1:{port}",
                config=Config(retries={"total_max_attempts": 20, "mode": "standard"}),
            )
            client.create_bucket(Bucket="shared")
            yield client
        finally:
            server.terminate()


def test_clone_and_pull_through_s3(committed, tmp_path, s3):
    project = committed.copy(tmp_path / "project")  # of now: its environment has the server's credentials
    publish_results(project, "s3://shared/results", endpointurl=s3.meta.endpoint_url)
    assert s3.list_objects_v2(Bucket="shared", Prefix="results/")["KeyCount"] > 20
    clone = cloned(project, tmp_path / "clone")
    assert set(clone.dvc("repro")) <= {"publish"}
    assert set(clone.snakemake()) <= {"publish"}
    assert (clone.root / "results/figs/all").read_bytes() == (project.root / "results/figs/all").read_bytes()
