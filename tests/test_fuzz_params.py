"""Params files by the hundred: right ones are planned, wrong ones refused in words, none ever shows a traceback."""

import contextlib
import datetime
import io
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

import fuzzing
from conftest import ROOT
from fuzz_mutations import SHIPPED, Mutation, dumped, mutations
from fuzz_schema import params
from training_jacobian import cli
from training_jacobian.artifacts.address import key
from training_jacobian.section import short
from training_jacobian.workflow import loading, plan
from training_jacobian.workflow.loading import ParamsError
from training_jacobian.workflow.params import Params

Load = Callable[[Path], Params]
REMEDY = re.compile(
    r"allowed: |should (be|match|have)|must |needs |"
    r"\b(add|change|choose|close|give|lower|name|quote|raise|remove|rename|save|see|write)\b|"
    r"bracket not closed|not valid YAML"
)


@contextlib.contextmanager
def written(text: str | bytes, where: Path | None = None) -> Iterator[Path]:
    """A params file, and the working directory: its own folder, or another."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(where or folder):
        file = Path(folder, "p.yaml")
        file.write_bytes(text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text)
        yield file


def refusal(load: Load, file: Path) -> str:
    """What is said about a file; nothing about a right one."""
    try:
        load(file)
    except ParamsError as error:
        return str(error)
    return ""


def make_thetas(file: Path) -> None:
    """Write the files of theta_0 that it asks for, of the size that it asks for."""
    while told := refusal(loading.load, file):
        assume("the model needs" not in told)  # one file for runs of two sizes
        wanted = re.fullmatch(r".*initial\.path = '(.*)': no such file; give a \.npy file of (\d+) numbers", told)
        assert wanted, told
        np.save(wanted[1], np.zeros(int(wanted[2]), np.float32))


def checked(file: Path) -> tuple[int, str, str]:
    """Status, output and errors of `training-jacobian check`."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = cli.main(["check", "--params", str(file)])
    return status, out.getvalue(), err.getvalue()


def reordered(tree: Any) -> Any:
    """With the keys of all mappings in reverse."""
    if isinstance(tree, dict):
        return {name: reordered(tree[name]) for name in reversed(tree)}
    return [reordered(each) for each in tree] if isinstance(tree, list) else tree


def addresses(file: Path) -> tuple[dict[str, dict[str, str]], dict[str, set[str]]]:
    """Keys by run and stage, and by stage; without the figures, which are drawn in the order of the file."""
    made = plan.plan(file)
    by_run = {run: {stage: key(each) for stage, each in stages.items()} for run, stages in made.recipes.items()}
    return by_run, {stage: set(keys) for stage, keys in made.by_key.items() if stage != "figures"}


@settings(max_examples=min(fuzzing.examples(6), 2000))
@given(params())
def test_what_is_right_is_planned(tree):
    with written(dumped(tree)) as file:
        make_thetas(file)
        first = addresses(file)
        of_sweeps = {
            f"{name}_{i + 1}"
            for name, each in (tree.get("sweeps") or {}).items()
            for i in range(len(each["vary"]["initial.seed"]))
        }
        assert set(first[0]) == {*tree["runs"], *of_sweeps}
        assert plan.plan(file).by_key == plan.plan(file).by_key
        status, out, err = checked(file)
        told = [
            name for line in re.findall(r"^(.*): \d+ parameters", out, flags=re.MULTILINE) for name in line.split(", ")
        ]
        assert {*tree["runs"]} <= {*told}, err
        assert status == 0 or "memory" in err or "disk" in err
        file.write_text(dumped(reordered(tree)), encoding="utf-8")
        assert addresses(file) == first


def judge(file: Path, mutation: Mutation, load: Load) -> None:
    """What is said about the file must help: where, which value, and what to do."""
    told = refusal(load, file)
    if not told or ("no such file" in told and mutation.path[-1] != "path"):  # all else is right
        assert mutation.right, f"{mutation.what} at {mutation.path} is not noticed"
        return
    for line in told.splitlines():
        assert line.startswith(f"{file}: "), line
        assert REMEDY.search(line.removeprefix(f"{file}: ")), line
    assert any(str(step) in told or short(step) in told for step in mutation.path), told
    place = ".".join(map(str, mutation.path))
    if mutation.what == "replace" and f"{place} = " in told:
        assert f"{place} = {short(mutation.value)}" in told or isinstance(mutation.value, str | datetime.date), told
    if mutation.what == "key":
        assert "quote it, or choose another name" in told, told
    if mutation.what == "twice":
        assert "given twice; remove one" in told, told
    if mutation.what == "run":
        assert "no run 'nobody'" in told, told


@settings(max_examples=min(fuzzing.examples(25), 10000))
@given(mutations())
def test_a_mistake_is_told_with_its_place_value_and_remedy(mutation):
    with written(mutation.text, ROOT) as file:
        judge(file, mutation, loading.load)
        quiet(file)


def quiet(file: Path) -> None:
    """The command line says one thing in lines of its own, or nothing."""
    status, _, err = checked(file)
    assert "Traceback" not in err
    assert (status, err[:19]) in ((1, "training-jacobian: "), (0, ""))


SIGNS = st.text(alphabet="{}[]:,-?&*!|>'\"%@`#~<=.0123456789abeno\\ \t\n\r\ufeff\u2028\x00\x85", max_size=40)


@st.composite
def torn(draw: Any) -> bytes:
    """A shipped file with something cut out and something put in."""
    data = draw(st.sampled_from(SHIPPED)).encode()
    first = draw(st.integers(0, len(data)))
    last = first + draw(st.integers(0, 20))
    return data[:first] + draw(st.one_of(SIGNS.map(str.encode), st.binary(max_size=9), st.just(b""))) + data[last:]


@settings(max_examples=min(fuzzing.examples(25), 10000))
@given(st.one_of(torn(), torn(), SIGNS.map(str.encode), st.text().map(str.encode), st.binary()))
def test_no_file_whatever_shows_a_traceback(data):
    with written(data, ROOT) as file:
        told = refusal(loading.load, file)
        assert not told or told.startswith(f"{file}: ")
        quiet(file)


def plain(file: Path) -> Params:
    """What a reader does who thinks of nothing."""
    return Params.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))


def wordless(file: Path) -> Params:
    try:
        return loading.load(file)
    except ParamsError:
        raise ParamsError(f"{file}: something is wrong") from None


def trusting(file: Path) -> Any:
    with contextlib.suppress(ParamsError):
        return loading.load(file)


@pytest.mark.parametrize("load", [plain, wordless, trusting])
def test_a_careless_reader_is_found_out(load):
    @settings(max_examples=50, phases=[Phase.generate])
    @given(mutations())
    def found_out(mutation):
        with written(mutation.text, ROOT) as file:
            judge(file, mutation, load)

    with pytest.raises(Exception, match=r"not noticed|something is wrong|validation error|Error"):
        found_out()
