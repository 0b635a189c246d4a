"""Params of one run of any size, and what it needs: shared by tests of needs, fits and clusters."""

from pathlib import Path

import yaml

from conftest import TINY
from training_jacobian.workflow.loading import parse
from training_jacobian.workflow.needs import Needs

ANALYSES = """
perturbation: {sizes: {start: 0.001, stop: 1000.0, num: 30}, bulk_tolerance: 0.1, linear_tolerance: 0.1, seed: 0}
behaviour: {size: 1, seed: 0}
subspace: {dimensions: {start: 100, stop: 4810, num: 20}, seed: 0}
angles: {dimensions: {start: 100, stop: 2405, num: 12}, seed: 0}
pfj: {dimensions: {start: 100, stop: 3000, num: 10}, seed: 0}
density: {thresholds: [30], probes: 4, steps: 30, seed: 0}
"""
PARTIAL = {
    **{"method": "partial", "rank": 50, "operators": ["J"], "tolerance": 0.1, "products": 120, "block": 8, "seed": 0}
}
MNIST = {"name": "mnist", "train_size": 30000, "test_size": 10000}
LENET = {
    "data": {"name": "mnist", "train_size": 60000, "test_size": 10000},
    "model": {"name": "lenet5"},
    "training": {"epochs": 3, "batch_size": 200, "dtype": "float32"},
    "svd": PARTIAL,
}


def tree_of(text):
    """Parsed; YAML 1.1 takes 1e-1 for text."""
    return {**yaml.safe_load(text), "spectrum": {"thresholds": [0.1], "bulk_tolerance": 0.1}}


def params(columns=2432, kind=None, **changes):
    """Params of one run, `a`, that differs from TINY's in these sections, with a figure of that kind."""
    tree = tree_of(TINY + ANALYSES)
    for section, values in changes.items():
        old = tree["defaults"].get(section, {})
        named = "name" in values and values["name"] != old.get("name")
        keep = {"activation": "gelu"} if section == "model" else {}
        tree["defaults"][section] = {**(keep if named else old), **values}
    kind = kind or ("triplets" if "svd" in changes else "bird")
    tree |= {"runs": {"a": {}}, "compute": {"columns_per_job": columns}}
    tree["figures"]["plots"] = {"figure": {"kind": kind, "runs": "all"}}
    return parse(tree, Path())


def needs(**changes):
    """What that run needs."""
    made = params(**changes)
    return Needs(made, made.runs["a"])


def write(root, files):
    """Texts, by path under a folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
