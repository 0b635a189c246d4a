"""Right params files with one mistake."""

import datetime
import re
from dataclasses import dataclass
from typing import Any

import yaml
from hypothesis import assume
from hypothesis import strategies as st

from conftest import ROOT, TINY
from fuzz_schema import at, leaves, params, put

SHIPPED = [TINY, *(path.read_text() for path in (ROOT / "params.yaml", *sorted(ROOT.glob("studies/*.yaml"))))]
NAMED = ("runs", "plots", "comparisons")  # mappings whose keys are free


def dumped(tree: Any) -> str:
    text: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=1000)
    return text


def numbers(tree: Any) -> Any:
    """Texts such as 1e-3, which YAML 1.2 and this package take for numbers, as numbers."""
    for path, value in list(leaves(tree)):
        if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?e-?\d+", value):
            tree = put(tree, path, float(value))
    return tree


TREES = [numbers(yaml.safe_load(text)) for text in SHIPPED]


@dataclass(frozen=True)
class Mutation:
    """A params file with one mistake, or none: what was done, where, and the value that stands there now."""

    what: str
    text: str
    path: tuple[Any, ...]
    value: Any = None
    right: bool = False  # it may be a right file still


JUNK = st.one_of(
    st.sampled_from([None, True, False, [], {}, "", "no", 0, -1, 10**30, 1.5, -0.0, 1e-320, 1e300]),
    st.sampled_from([float("nan"), float("inf"), datetime.date(2024, 1, 1), [None], {"a": 1}, {"name": []}]),
    st.text(max_size=8),
    st.floats(),
    st.integers(),
)
NO_NAMES = st.sampled_from([True, False, None, 1, -3, 1.5, 1e3, float("inf")])


def nodes(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all mappings."""
    if isinstance(tree, dict):
        return [path, *(found for name, each in tree.items() for found in nodes(each, (*path, name)))]
    return []


@st.composite
def mutations(draw: Any) -> Mutation:
    tree = draw(st.sampled_from(TREES)) if draw(st.integers(0, 9)) < 9 else draw(params())
    what = draw(st.sampled_from(["drop", "misspell", "add", "replace", "replace", "key", "twice", "run"]))
    mapping = draw(st.sampled_from([path for path in nodes(tree) if at(tree, path)]))
    here = at(tree, mapping)
    name = draw(st.sampled_from(sorted(here)))
    free = bool(mapping) and mapping[-1] in NAMED
    if what == "drop":
        left = {each: value for each, value in here.items() if each != name}
        return Mutation(what, dumped(put(tree, mapping, left)), (*mapping, name), right=True)
    if what in ("misspell", "add", "key"):
        new = draw(
            {"misspell": st.sampled_from([name + name[-1], name[1:], name.upper()]), "key": NO_NAMES}.get(
                what, st.text(max_size=8)
            )
        )
        assume(new not in here)
        changed = {new if each == name else each: value for each, value in here.items()}
        changed = {**here, new: draw(JUNK)} if what == "add" else changed
        text, path = dumped(put(tree, mapping, changed)), (*mapping, dumped(new).split()[0] if what == "key" else new)
        return Mutation(what, text, path, right=free and what != "key")
    if what == "replace":
        path = draw(st.sampled_from([(*mapping, name), *(path for path, _ in leaves(here, mapping))]))
        value = draw(JUNK | st.just([at(tree, path)]) | st.just(str(at(tree, path))))
        return Mutation(what, dumped(put(tree, path, value)), path, value, right=True)
    if what == "twice":
        lines = dumped(tree).splitlines(keepends=True)
        scalars = [i for i, line in enumerate(lines) if re.match(r" *[a-z_]+: [^&|>\[{]+$", line)]
        line = draw(st.sampled_from(scalars))
        return Mutation(
            what, "".join([*lines[:line], lines[line], *lines[line:]]), (lines[line].split(":")[0].strip(),)
        )
    shown = [path for path, value in leaves(tree) if value in tree["runs"] and path[0] in ("figures", "summary")]
    assume(shown)
    path = draw(st.sampled_from([path for path in shown if path[-1] != "kind"]))
    return Mutation(what, dumped(put(tree, path, "nobody")), path[:1], "nobody")
