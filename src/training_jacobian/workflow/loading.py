"""Read params.yaml, or refuse it: each error names the path, the value and what is allowed."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from pydantic import ValidationError

from training_jacobian.section import nearest, short
from training_jacobian.workflow import own, sweeps
from training_jacobian.workflow.params import FileInitial, Params, merge

MOST = 2**20  # bytes of a params file: thousands of runs
SHOWN = 20  # mistakes told at once


class ParamsError(ValueError):
    """What is wrong with params.yaml, for people."""


_TAG = "tag:yaml.org,2002:"
_MEANINGS = {True: "true", False: "false", None: "null"}


class _Loader(yaml.SafeLoader):
    """YAML without its quiet traps.

    A key is a text and is given once, an alias does not stand inside what it is the alias of, tags are refused, 1e-3 is
    a number, 010 and 1:30 are none.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.above: list[yaml.Node | None] = []  # what is being read, from the outside in

    def scan_flow_scalar_non_spaces(self, double: Any, start_mark: Any) -> Any:
        try:
            return super().scan_flow_scalar_non_spaces(double, start_mark)
        except (ValueError, OverflowError):  # of chr()
            line = start_mark.line + 1
            raise ParamsError(f"line {line}: not valid YAML: \\U of no character; write another") from None

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        line, tag = event.start_mark.line + 1, getattr(event, "tag", None)
        if tag not in (None, "!", f"{_TAG}str"):
            raise ParamsError(f"line {line}: the tag {tag!r} has no use here; remove it")
        self.above.append(parent)
        node = super().compose_node(parent, index)
        if isinstance(event, yaml.AliasEvent) and any(node is each for each in self.above):
            raise ParamsError(f"line {line}: *{event.anchor} stands inside &{event.anchor}; write out what is meant")
        self.above.pop()
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        node = super().compose_scalar_node(anchor)
        if re.search("[\ud800-\udfff]", node.value):
            raise ParamsError(f"line {node.start_mark.line + 1}: {short(node.value)} has half a character; remove it")
        return node

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        seen: set[str] = set()
        for key, _ in node.value:
            where = f"line {key.start_mark.line + 1}"
            if not isinstance(key, yaml.ScalarNode):
                raise ParamsError(f"{where}: not valid YAML: unhashable key, a mapping or a list; write a name")
            if key.tag not in (f"{_TAG}str", f"{_TAG}merge"):
                raise ParamsError(f"{where}: key {_taken(key.value, self.construct_object(key))}")
            if key.value in seen:
                raise ParamsError(f"{where}: key {short(key.value)} is given twice; remove one")
            seen.add(key.value)
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        node.value = list({key.value: (key, value) for key, value in node.value}.values())  # else merges multiply


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag in (f"{_TAG}bool", f"{_TAG}null", f"{_TAG}merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _kind, _pattern in {
    "int": r"[-+]?(0|[1-9][0-9]{0,99})",
    "float": r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+(?=[eE]))([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():  # as in YAML 1.2
    _Loader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^({_pattern})$"), list("-+.0123456789"))


def _taken(text: str, value: Any) -> str:
    """Hint for what stands where a name should, and is none to YAML."""
    meaning = _MEANINGS[value] if value is None or isinstance(value, bool) else f"the number {value!r}"
    return f"{short(text)} means {meaning} in YAML: quote it, or choose another name"


def _written(root: yaml.Node | None, path: list[str]) -> str | None:
    """Text of the scalar at a path of the file, without quotes; what a run does not say stands in the defaults."""
    node = root
    for step in path:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(step)]
        else:
            pairs = node.value if isinstance(node, yaml.MappingNode) else []
            node = next((value for key, value in pairs if key.value == step), None)
    if node is None and path[0] == "runs":
        return _written(root, ["defaults", *path[2:]])
    return node.value if isinstance(node, yaml.ScalarNode) else None


def _value_at(tree: Any, error: Any) -> tuple[list[str], Any]:
    """Path in the file, and value, of what pydantic locates, whose steps are also the tags of unions."""
    path = []
    for step in error["loc"]:
        if (isinstance(tree, dict) and step in tree) or (isinstance(tree, list) and isinstance(step, int)):
            tree = tree[step]
            path.append(str(step))
    return [*path, error["loc"][-1]] if error["type"] == "missing" else path, tree


def _describe(error: Any, tree: dict[str, Any], node: yaml.Node | None) -> str:
    steps, value = _value_at(tree, error)
    kind, context, message = error["type"], error.get("ctx", {}), error["msg"]
    if kind == "union_tag_invalid":
        steps.append(context["discriminator"].strip("'"))
        value = value[steps[-1]]
    path = ".".join(step if step and step.isprintable() else short(step) for step in steps)
    if kind == "missing":
        return f"{path}: required key is missing; add it"
    if kind == "union_tag_not_found":
        return f"{path}.{context['discriminator'].strip(chr(39))}: required key is missing; add it"
    if error["loc"] and error["loc"][-1] == "[key]":
        return f"{path}: {message}; choose another name"
    if kind in ("literal_error", "union_tag_invalid"):
        message = nearest(value, re.findall(r"'([^']*)'", context.get("expected") or context["expected_tags"]))
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        message = "Input should be a mapping"
    if isinstance(value, dict) and (kind == "too_short" or "url" not in error):  # our own: it names the values
        return f"{path}: {message}" if path else message
    if kind in ("string_type", "literal_error", "union_tag_invalid") and isinstance(value, bool | int | float | None):
        text = _written(node, steps)
        message = f"{message}; {_taken(text, value)}" if text is not None else message
    return f"{path} = {short(value)}: {message}"


def _check_file(where: str, initial: FileInitial, size: int) -> None:
    where = f"{where}.initial.path = {short(initial.path)}"
    try:
        with Path(initial.path).open("rb") as file:
            theta = np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # a header may say anything, such as more numbers than there are addresses
        reason = "not a readable .npy file"
        if isinstance(error, OSError) and error.strerror:
            reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ParamsError(f"{where}: {reason}; give a .npy file of {size} numbers") from None
    if theta.shape != (size,) or theta.dtype.kind != "f" or not np.isfinite(theta).all():
        raise ParamsError(
            f"{where}: holds {theta.dtype} of shape {theta.shape}; "
            f"the model needs ({size},) finite floating-point numbers"
        )


def _spelled_out(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree with sweeps expanded into runs, and each run laid over the defaults."""
    if isinstance(tree.get("runs"), dict):
        found = sweeps.Sweeps.model_validate(tree)
        try:
            tree = sweeps.expanded(tree, found.sweeps)
        except ValueError as error:
            raise ParamsError(str(error)) from None
    defaults, runs = tree.get("defaults"), tree.get("runs")
    if isinstance(defaults, dict) and isinstance(runs, dict):
        changed = {name: {} if changes is None else changes for name, changes in runs.items()}
        tree = {**tree, "runs": {name: merge(defaults, changes) for name, changes in changed.items()}}
    return tree


def parse(tree: Any, root: Path, node: yaml.Node | None = None) -> Any:
    """Validated params of a parsed file, `node` as it was written; each run is laid over the defaults.

    Raises ParamsError.
    """
    if not isinstance(tree, dict):
        raise ParamsError("the file is empty or not a mapping; see params.yaml of the repository")
    try:
        tree = own.seen_from_here(_spelled_out(tree), root)
        params = Params.model_validate(tree)
    except ValidationError as error:
        lines = dict.fromkeys(_describe(each, tree, node) for each in error.errors())
        if any(line.startswith("defaults") for line in lines):  # every run repeats them
            lines = dict.fromkeys(line for line in lines if not line.startswith("runs."))
        more = [f"and {len(lines) - SHOWN} mistakes more"] if len(lines) > SHOWN else []
        raise ParamsError("\n".join([*list(lines)[:SHOWN], *more])) from None
    named = {"defaults": params.defaults, **{f"runs.{name}": run for name, run in params.runs.items()}}
    for where, run in named.items():
        if isinstance(run.initial, FileInitial):
            _check_file(where, run.initial, run.size)
    return params


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(MOST + 1)
    if len(data) > MOST:
        raise ParamsError(f"more than {MOST} bytes, so no params file; name another")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ParamsError(
            f"byte {error.start + 1}, {data[error.start]:#x}, is not UTF-8; save the file as UTF-8"
        ) from None


def _tree(text: str) -> tuple[Any, yaml.Node | None]:
    """What is in a YAML file, as values and as it was written."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        return None if node is None else loader.construct_document(node), node
    except ParamsError:
        raise
    except (yaml.YAMLError, ValueError) as error:
        raise ParamsError(f"not valid YAML: {' '.join(str(error).split())}") from None


def _parsed(text: str, root: Path) -> Any:
    try:
        tree, node = _tree(text)
        return parse(tree, root, node)
    except RecursionError:
        raise ParamsError("nested too deeply; is a bracket not closed?") from None


def load(path: str | Path | dict[str, Any] = "params.yaml", root: Path = Path()) -> Any:
    """Validated params of a file, or of what another workflow has as `config`; theta_0 files are relative to `root`.

    Raises ParamsError.
    """
    name = "config" if isinstance(path, dict) else path
    try:
        if isinstance(path, dict):  # as text, because Snakemake takes 1e-3 for one; and so it is checked as a file is
            return _parsed(yaml.safe_dump(json.loads(json.dumps(path)), sort_keys=False), root)
        return _parsed(_text(Path(path)), root)
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
        raise ParamsError(f"{name}: {reason}; run from the project's root, or name the file") from None
    except ParamsError as error:
        raise ParamsError("\n".join(f"{name}: {line}" for line in str(error).splitlines())) from None
