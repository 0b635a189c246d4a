"""Examples from files: npz, HDF5 and csv, classes and targets; what is wrong with them is told before any job."""

import re
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

import own_files
from training_jacobian.analyses.behaviour import compute as behaviour
from training_jacobian.analyses.spectrum import compute as spectrum
from training_jacobian.artifacts import store
from training_jacobian.artifacts.oserrors import ArtifactError
from training_jacobian.learning import arrays
from training_jacobian.spectral import svd
from training_jacobian.stages import data, of_train

MSE = {"loss": {"name": "mse"}}
HEADER = "a,label,b\n"


def with_array(name, values):
    return {**own_files.examples(), name: values}


def without(name):
    return {key: values for key, values in own_files.examples().items() if key != name}


def at(values, place, value):
    changed = np.array(values)
    changed[place] = value
    return changed


GOOD = own_files.examples()
X, Y = GOOD["inputs_train"], GOOD["labels_train"]
# what is wrong: the arrays of my.npz, and what is told after "defaults.data.path = 'my.npz': "
BAD = {
    "missing": (without("labels_test"), r"the array labels_test is missing; a file holds inputs_train, labels_train, "),
    "unknown": (with_array("weights", X), r"unknown array 'weights'; allowed: 'inputs_train', "),
    "misspelt": (with_array("labels_tets", Y), r"unknown array 'labels_tets'; did you mean 'labels_test'\?"),
    "objects": (with_array("inputs_train", np.array([[{}]] * 12, object)), r"inputs_train holds objects, that are pickled; give floating"),
    "objects as labels": (with_array("labels_train", np.array(list("abcabcabcabc"), object)), r"labels_train holds objects, that are pickled; give integers"),
    "text": (with_array("labels_train", np.array(list("abcabcabcabc"))), r"labels_train is of dtype <U1; give integers for classes"),
    "complex": (with_array("inputs_train", X + 1j), r"inputs_train is of dtype complex128; give floating-point numbers, integers"),
    "booleans": (with_array("inputs_train", X > 0), r"inputs_train is of dtype bool; give floating-point numbers"),
    "NaN": (with_array("inputs_train", at(X, (3, 1), np.nan)), r"inputs_train\[3, 1\] = nan, which is not finite; replace or leave out that example"),
    "infinite": (with_array("inputs_test", at(GOOD["inputs_test"], (0, 2), -np.inf)), r"inputs_test\[0, 2\] = -inf, which is not finite"),
    "empty": ({**GOOD, "inputs_test": X[:0], "labels_test": Y[:0]}, r"inputs_test is empty, of shape \(0, 3\); give at least one"),
    "lengths": (with_array("labels_train", Y[:-1]), r"inputs_train has 12 examples and labels_train 11; give as many"),
    "widths": (with_array("inputs_test", GOOD["inputs_test"][:, :2]), r"inputs_train is of shape \(12, 3\) and inputs_test \(5, 2\); an example must have one shape"),
    "one number an example": (with_array("inputs_train", X[:, 0]), r"inputs_train is of shape \(12,\); give \(examples, width\), or images \(n, h, w, c\)"),
    "one-hot labels": (with_array("labels_train", np.eye(3, dtype=int)[Y]), r"labels_train is of shape \(12, 3\); give \(examples,\), or targets"),
    "negative label": (with_array("labels_train", at(Y, 2, -1)), r"a label is -1, below 0; number classes from 0 on"),
    "one class": ({**GOOD, "labels_train": 0 * Y, "labels_test": 0 * GOOD["labels_test"]}, r"all labels are 0, one class; give two at least"),
    "label of no class": (with_array("labels_train", at(Y, 2, 1000)), r"a label is 1000, and there are 17 examples; number classes from 0 on"),
    "classes and targets": (with_array("labels_test", GOOD["labels_test"] + 0.5), r"labels_train is int64 and labels_test float64; give classes, or targets"),
}  # fmt: skip
# the same of other files: name, what is in it, and what is told after "defaults.data.path = ...: "
OTHER = {
    "no zip": ("my.npz", b"no", r"not a readable \.npz file \(no zip archive\); write it with numpy\.savez"),
    "no HDF5": ("my.h5", b"no", r"not a readable \.h5 file .*; write it anew"),
    "no such format": ("my.pkl", b"no", r"'\.pkl' is no format that is read; give \.npz, \.h5, \.hdf5, \.csv"),
    "nothing": ("my.csv", b"", r"my\.csv is empty; give a line of names"),
    "no names": ("my.csv", b"1,2\n3,4\n", r"my\.csv: the first line is of numbers; begin with a line that names the columns"),
    "one column": ("my.csv", b"label\n1\n", r"my\.csv has one column; give inputs and a label"),
    "no number": ("my.csv", HEADER.encode() + b"1,0,2\n1,1,two\n", r"my\.csv, line 3: b = 'two' is no number; replace it, or leave out the line"),
    "missing value": ("my.csv", HEADER.encode() + b"1,0,\n", r"my\.csv, line 2: b = '' is no number"),
    "too few values": ("my.csv", HEADER.encode() + b"1,0\n", r"my\.csv, line 2: 2 values, and there are 3 columns"),
    "not finite": ("my.csv", HEADER.encode() + b"1,0,inf\n", r"inputs_train\[0, 1\] = inf, which is not finite"),
    "only names": ("my.csv", HEADER.encode(), r"inputs_train is empty, of shape \(0, 2\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arrays, message = BAD[case]
    own_files.write(tmp_path, arrays)
    assert re.search(rf"^params\.yaml: defaults\.data\.path = 'my\.npz': {message}", own_files.refusal()), (
        own_files.refusal()
    )
    own_files.write(tmp_path)
    assert own_files.refusal() == ""  # negative control


@pytest.mark.parametrize("case", OTHER)
def test_other_formats_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name, content, message = OTHER[case]
    own_files.write(tmp_path)
    Path(name).write_bytes(content)
    Path("test.csv").write_text(HEADER + "0,1,2\n3,0,5\n")
    section = {"name": "file", "path": name, **({"test_path": "test.csv"} if name.endswith("csv") else {})}
    found = own_files.refusal(data=section)
    assert re.search(rf"^params\.yaml: defaults\.data\.path = '{re.escape(name)}': {message}", found), found


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"path": "no.npz"}, r"path = 'no\.npz': no\.npz: no such file; give a file relative to the project's root"),
        ({"path": "my.npz", "test_path": "my.npz"}, r"a \.csv holds the examples of one part, .*; remove test_path"),
        ({"path": "my.csv"}, r"a \.csv holds the examples of one part, any other file all; give test_path too"),
        ({"path": "my.npz", "train_size": 3}, r"defaults\.data: unknown key 'train_size'; allowed: 'name', 'path', "),
        ({}, r"defaults\.data\.path: required key is missing; add it"),
    ],
)
def test_sections_refused(section, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path)
    found = own_files.refusal(data={"name": "file", **section})
    assert re.search(message, found), found


def test_the_three_formats_hold_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = own_files.examples()
    np.savez("a.npz", **made)
    with h5py.File("a.h5", "w") as file:
        for name, values in made.items():
            file[name] = values
    for part in ("train", "test"):
        table = pd.DataFrame(made[f"inputs_{part}"], columns=["a", "b", "c"])
        table.insert(1, "label", made[f"labels_{part}"])  # wherever it stands
        table.to_csv(f"{part}.csv", index=False)
    for found in (
        arrays.read(Path("a.npz")),
        arrays.read(Path("a.h5")),
        arrays.read(Path("train.csv"), Path("test.csv")),
    ):
        for name, values in made.items():
            np.testing.assert_array_equal(found[name], values)
            assert found[name].dtype == values.dtype
    Path("real.csv").write_text("a,b\n1,2.0\n3,4\n")  # the last column, and not all whole
    assert arrays.read(Path("real.csv"), Path("real.csv"))["labels_train"].dtype == np.float64


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("labels_train", np.array([b"a"] * 12), r"labels_train is of dtype \|S1; give integers for classes"),
        ("labels_train", h5py.Empty("f8"), r"labels_train is of dtype object; give integers"),
        ("weights", np.ones(2), r"unknown array 'weights'; allowed: 'inputs_train', "),
    ],
)
def test_hdf5_refused(name, values, message, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        for each, array in {**own_files.examples(), name: values}.items():
            file[each] = array
    with pytest.raises(arrays.ArrayError, match=message):
        arrays.read(tmp_path / "a.h5")


def test_text_and_groups_in_hdf5_are_refused(tmp_path):
    for name, message in (
        ("text", r"inputs_test holds text or objects; give floating"),
        ("group", "inputs_test is a group, no"),
    ):
        with h5py.File(tmp_path / "a.h5", "w") as file:
            for each, array in without("inputs_test").items():
                file[each] = array
            if name == "group":
                file.create_group("inputs_test")
            else:
                file.create_dataset("inputs_test", data=["a", "b"])
        with pytest.raises(arrays.ArrayError, match=message):
            arrays.read(tmp_path / "a.h5")


def test_kinds_of_numbers(tmp_path, monkeypatch):
    """Bytes stay bytes, of which 255 stands for 1; other integers become float64; labels int64."""
    monkeypatch.chdir(tmp_path)
    made = own_files.examples()
    for part in ("train", "test"):
        made[f"inputs_{part}"] = (10 * made[f"inputs_{part}"]).astype(np.int16)
        made[f"labels_{part}"] = made[f"labels_{part}"].astype(np.uint8)
    found = arrays.checked(made)
    assert (found["inputs_train"].dtype, found["labels_train"].dtype) == (np.float64, np.int64)
    assert arrays.checked({**made, **{f"inputs_{p}": made[f"inputs_{p}"].astype(np.uint8) for p in ("train", "test")}})["inputs_train"].dtype == np.uint8  # fmt: skip


def test_data_changed_while_the_workflow_runs_are_told(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path)
    made = own_files.load()
    own_files.write(tmp_path, own_files.examples(seed=1))
    with pytest.raises(ArtifactError, match=r"my\.npz was changed after the workflow was started; run the same"):
        data.make(made.recipes["mine"]["data"], [], Path("data.h5"))


def test_a_regression_has_losses_and_no_accuracy(tmp_path, monkeypatch):
    """Its tables are empty there; a network that says zero is off by the mean square of the targets."""
    monkeypatch.chdir(tmp_path)
    own_files.write(tmp_path, own_files.examples(target=(2,)))
    made = own_files.load(**MSE)
    run = own_files.trained(made)
    targets = np.asarray(run.problem.examples["labels_train"])
    assert run.problem.guess == pytest.approx((targets**2).mean())
    outputs = np.asarray(run.problem.outputs(run.theta[-1], run.problem.examples["inputs_train"]))
    epochs = run.read("train", ["epochs/train_loss", "epochs/train_accuracy"])
    assert epochs["epochs/train_loss"][-1] == pytest.approx(((outputs - targets) ** 2).mean(), rel=1e-12)
    assert np.isnan(epochs["epochs/train_accuracy"]).all()
    assert np.isnan(of_train.columns(Path(made.files("mine", "train")[0]).parent, {})["test_accuracy"])
    parts = svd.decompose(run.jacobian().columns(0, run.problem.size))
    read = run.read
    monkeypatch.setattr(run, "read", lambda stage, *names: parts if stage == "svd" else read(stage, *names))
    summary = spectrum.compute(run, {"bulk_tolerance": 0.1, "thresholds": [0.1]})["summary.json"]
    assert summary["test_accuracy"] is None
    assert summary["test_loss"] > 0
    assert summary["exact_bulk_predicted"] is None
    store.write_json(Path("summary.json"), summary)


def test_what_is_no_image_has_neither_an_inverse_nor_white_noise():
    table, images = own_files.examples(), own_files.examples()
    images = {name: np.clip(values, 0, 1) for name, values in images.items()}
    assert list(behaviour.probes(table, 0)) == ["train", "test"]
    assert list(behaviour.probes(images, 0)) == ["train", "test", "inverted", "white_noise"]
