"""Read params.yaml, or refuse it: each error names the path, the value and what is allowed."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from training_jacobian.params import FileInitial, Params, merge
from training_jacobian.section import nearest


class ParamsError(ValueError):
    """What is wrong with params.yaml, for people."""


class _Loader(yaml.SafeLoader):
    """YAML without its quiet traps: a key given twice is refused, 1e-3 is a number, 010 and 1:30 are none."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise ParamsError(f"line {key.start_mark.line + 1}: key {key.value!r} is given twice; remove one")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_NUMBERS = {"float", "int", "timestamp"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in _NUMBERS]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern in {
    "int": r"[-+]?(0|[1-9][0-9]*)",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():  # as in YAML 1.2
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^({_pattern})$"), list("-+.0123456789"))


def _value_at(tree: Any, location: tuple[int | str, ...]) -> tuple[str, Any]:
    """Path in the file, and value, of pydantic's `location`, which also holds the tags of unions."""
    path = []
    for step in location:
        if (isinstance(tree, dict) and step in tree) or (isinstance(tree, list) and isinstance(step, int)):
            tree = tree[step]  # type: ignore[index]
            path.append(str(step))
        elif step == location[-1] and isinstance(tree, dict) and tree.get("name") != step:
            return ".".join([*path, str(step)]), None
    return ".".join(path), tree


def _describe(error: Any, tree: dict[str, Any]) -> str:
    path, value = _value_at(tree, error["loc"])
    kind, context = error["type"], error.get("ctx", {})
    if kind == "missing":
        return f"{path}: required key is missing"
    if kind in ("literal_error", "union_tag_invalid"):
        allowed = re.findall(r"'([^']*)'", context.get("expected") or context["expected_tags"])
        if kind == "union_tag_invalid":
            tag = context["discriminator"].strip("'")
            path, value = f"{path}.{tag}", value[tag]
        return f"{path} = {value!r}: {nearest(value, allowed)}"
    if kind == "union_tag_not_found":
        return f"{path}.{context['discriminator'].strip(chr(39))}: required key is missing"
    if isinstance(value, dict):
        return f"{path}: {error['msg']}" if path else str(error["msg"])
    return f"{path} = {value!r}: {error['msg']}"


def _check_file(where: str, initial: FileInitial, size: int, root: Path) -> None:
    try:
        with (root / initial.path).open("rb") as file:
            theta = np.lib.format.read_array(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else "not a readable .npy file"
        raise ParamsError(
            f"{where}.initial.path = {initial.path!r}: {reason}; give a .npy file of {size} numbers"
        ) from None
    if theta.shape != (size,) or theta.dtype.kind != "f" or not np.isfinite(theta).all():
        raise ParamsError(
            f"{where}.initial.path = {initial.path!r}: holds {theta.dtype} of shape {theta.shape}; "
            f"the model needs ({size},) finite floating-point numbers"
        )


def parse(tree: Any, root: Path) -> Params:
    """Validated params of a parsed file; each run is laid over the defaults.  Raises ParamsError."""
    if not isinstance(tree, dict):
        raise ParamsError("the file is empty or not a mapping; see params.yaml of the repository")
    defaults, runs = tree.get("defaults"), tree.get("runs")
    if isinstance(defaults, dict) and isinstance(runs, dict):
        changed = {name: {} if changes is None else changes for name, changes in runs.items()}
        tree = {**tree, "runs": {name: merge(defaults, changes) for name, changes in changed.items()}}
    try:
        params = Params.model_validate(tree)
    except ValidationError as error:
        lines = dict.fromkeys(_describe(each, tree) for each in error.errors())
        if any(line.startswith("defaults") for line in lines):  # every run repeats them
            lines = dict.fromkeys(line for line in lines if not line.startswith("runs."))
        raise ParamsError("\n".join(lines)) from None
    named = {"defaults": params.defaults, **{f"runs.{name}": run for name, run in params.runs.items()}}
    for where, run in named.items():
        if isinstance(run.initial, FileInitial):
            _check_file(where, run.initial, run.size, root)
    return params


def load(path: str | Path = "params.yaml") -> Params:
    """Validated params of a file; theta_0 files are relative to the working directory.  Raises ParamsError."""
    try:
        return parse(yaml.load(Path(path).read_text(encoding="utf-8"), _Loader), Path())  # noqa: S506 (a SafeLoader)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ParamsError(f"{path}: {reason}; run from the project's root, or name the file") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ParamsError(f"{path}: not valid YAML: {' '.join(str(error).split())}") from None
    except ParamsError as error:
        raise ParamsError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from None
