"""Sweeps in params.yaml: a base run and the values to vary, expanded into named runs before anything else is read."""

from itertools import product
from typing import Any

from pydantic import BaseModel, Field, model_validator

from training_jacobian.section import Name, Section, nearest, refuse, short

MOST = 1000  # runs of a sweep


class Sweep(Section):
    """`vary` has paths of a run's parameters, such as training.optimizer.learning_rate, and the values of each."""

    base: Name | None = Field(default=None, description="a run; by default that of the defaults")
    vary: dict[str, list[Any]] = Field(min_length=1)
    together: bool = Field(default=False, description="the i-th values of all lists, in place of all combinations")

    @model_validator(mode="after")
    def lists_fit(self) -> "Sweep":
        lengths = {path: len(values) for path, values in self.vary.items()}
        for path, count in lengths.items():
            if not count:
                refuse(f"vary.{path} is empty; give values")
        if self.together and len(set(lengths.values())) > 1:
            told = ", ".join(f"{path} {count}" for path, count in lengths.items())
            refuse(f"together: lists must be of one length, not {told}; give as many values")
        if len(self.combinations()) > MOST:
            refuse(f"{len(self.combinations())} runs are more than {MOST}; give fewer values")
        columns = self.columns()
        if twice := {each for each in columns.values() if list(columns.values()).count(each) > 1}:
            refuse(f"vary names {twice.pop()!r} twice; remove one")
        return self

    def combinations(self) -> list[tuple[Any, ...]]:
        """Values of each run, in the order of `vary`."""
        together = zip(*self.vary.values(), strict=True) if self.together else product(*self.vary.values())
        return list(together)

    def columns(self) -> dict[str, str]:
        """Path -> name of the column that tells its value in tables: the last word of the path, or two if it needs."""
        words = {path: path.split(".") for path in self.vary}
        last = [each[-1] for each in words.values()]
        return {path: each[-1] if last.count(each[-1]) == 1 else "_".join(each[-2:]) for path, each in words.items()}


class Sweeps(BaseModel):
    """The sweeps of a params file, whatever else is in it."""

    sweeps: dict[Name, Sweep] = {}


def names(sweep: str, values: Sweep) -> list[str]:
    """Names of the runs of a sweep."""
    return [f"{sweep}_{number}" for number in range(1, len(values.combinations()) + 1)]


def told(values: Sweep) -> list[dict[str, Any]]:
    """What the tables say of each run of a sweep, by column: the value, of a list with one element that element."""
    columns = values.columns().values()
    return [dict(zip(columns, map(_plain, each), strict=True)) for each in values.combinations()]


def _plain(value: Any) -> Any:
    if isinstance(value, list) and len(value) == 1:
        return _plain(value[0])
    return value if isinstance(value, bool | int | float | str) or value is None else short(value)


def expanded(tree: dict[str, Any], sweeps: dict[str, Sweep]) -> dict[str, Any]:
    """The tree of a params file with the runs of its sweeps, and with these where figures name a sweep.

    Raises ValueError where a base is no run, a path leads nowhere, or a name is taken.
    """
    runs = {name: {} if changes is None else changes for name, changes in tree["runs"].items()}
    lists: dict[str, list[str]] = {}
    for sweep, values in sweeps.items():
        if values.base is not None and values.base not in runs:
            raise ValueError(f"sweeps.{sweep}.base = {values.base!r}: no such run; {nearest(values.base, list(runs))}")
        if sweep in runs:
            raise ValueError(f"sweeps.{sweep}: there is a run of that name; rename one")
        lists[sweep] = names(sweep, values)
        for name, combination in zip(lists[sweep], values.combinations(), strict=True):
            if name in runs:
                raise ValueError(f"sweeps.{sweep}: its run {name!r} is there already; rename one")
            changes: Any = runs[values.base] if values.base else {}
            for path, value in zip(values.vary, combination, strict=True):
                changes = _set(changes, path.split("."), value, f"sweeps.{sweep}.vary.{path}")
            runs[name] = changes
    return {**tree, "runs": runs, "figures": _spelled_out(tree["figures"], lists)} if lists else tree


def _set(tree: Any, path: list[str], value: Any, where: str) -> Any:
    """A copy of nested mappings with another value at a path."""
    if not isinstance(tree, dict):
        raise ValueError(f"{where}: {path[0]!r} lies inside of {short(tree)}, which is no mapping; correct the path")
    inner = _set(tree.get(path[0]) or {}, path[1:], value, where) if len(path) > 1 else value
    return {**tree, path[0]: inner}


def _spelled_out(figures: Any, lists: dict[str, list[str]]) -> Any:
    """Figures with the runs of a sweep where they name it."""

    def runs(some: Any) -> Any:
        if not isinstance(some, list):
            return some
        return [run for each in some for run in (lists.get(each, [each]) if isinstance(each, str) else [each])]

    if not isinstance(figures, dict) or not isinstance(figures.get("plots"), dict):
        return figures
    plots = {}
    for name, plot in figures["plots"].items():
        plots[name] = dict(plot) if isinstance(plot, dict) else plot
        if isinstance(plot, dict) and "runs" in plot:
            plots[name]["runs"] = runs(plot["runs"])
        if isinstance(plot, dict) and isinstance(plot.get("comparisons"), dict):
            plots[name]["comparisons"] = {group: runs(some) for group, some in plot["comparisons"].items()}
    return {**figures, "plots": plots}
