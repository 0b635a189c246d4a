"""Digests of code from the import graph, so that no list of modules can be forgotten.

The digest of a module is that of its syntax tree joined with the digests of the modules of this package that it
imports (a Merkle tree).  Comments, docstrings, layout and models of params.yaml do not count, nor where a module lies:
moving one changes nothing.  What is chosen by name, such as a model, is imported by nobody: recipes name it.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from training_jacobian.artifacts import reading
from training_jacobian.artifacts.address import Recipe, ancestors, canonical
from training_jacobian.artifacts.oserrors import AGAIN
from training_jacobian.artifacts.sources import read
from training_jacobian.artifacts.syntax import shape_of

PACKAGE, ROOT = "training_jacobian", Path(__file__).parents[1]
# they compute no number
UNCOUNTED = ("artifacts", "jobs", "section", "progress", "declaration", "learning.components", "learning.counting")
EDITED = f"was edited after the workflow was started; {AGAIN}"


class Digests:
    """Of the modules of this package, named from there, e.g. `learning.training`; each is parsed once."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root, self._known = root, {PACKAGE: ""}

    def file(self, module: str) -> Path | None:
        """Where a module lies; None if there is none of that name."""
        base = self.root.joinpath(*module.split("."))
        return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)

    def source(self, module: str) -> str:
        """Text of a module."""
        path = self.file(module)
        if path is None:
            raise RuntimeError(f"{PACKAGE} has no module {module}, which a recipe names; run the same command again")
        return path.read_text(encoding="utf-8")

    def imports(self, module: str) -> list[str]:
        """Modules of this package that a module imports, wherever in it."""
        return sorted(self._imported(ast.parse(self.source(module))))

    def _imported(self, tree: ast.AST) -> set[str]:
        return {found for node in ast.walk(tree) for found in self._named(node)}

    def _named(self, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith(f"{PACKAGE}."):
                    yield alias.name.removeprefix(f"{PACKAGE}.")
        if not isinstance(node, ast.ImportFrom) or node.level or (node.module or "").split(".")[0] != PACKAGE:
            return
        package = (node.module or "").removeprefix(PACKAGE).lstrip(".")
        for alias in node.names:
            inner = f"{package}.{alias.name}".lstrip(".")
            if self.file(inner):
                yield inner
            elif package:
                yield package

    def of(self, module: str, importers: tuple[str, ...] = ()) -> str:
        """Digest of a module and of all that it imports.  Raises RuntimeError where imports lead in a circle."""
        if module in importers:
            raise RuntimeError(f"imports lead in a circle: {' -> '.join((*importers, module))}")
        if module not in self._known:
            tree = ast.parse(self.source(module))
            below = sorted({self.of(each, (*importers, module)) for each in self.counted(tree)})
            self._known[module] = hashlib.sha256(f"[{shape_of(tree)},{canonical(below)}]".encode()).hexdigest()[:12]
        return self._known[module]

    def counted(self, tree: ast.AST) -> list[str]:
        """Modules of this package that a tree imports, and that may compute a number."""
        return [each for each in self._imported(tree) if not {each, each.split(".")[0]} & {*UNCOUNTED}]


@cache
def installed() -> Digests:
    """Of the package that runs."""
    return Digests()


def code(*modules: str) -> dict[str, str]:
    """Digests by module, as they stand in a recipe."""
    return {module: installed().of(module) for module in modules}


def of_file(path: Path) -> str:
    """Digest of a user's file and of what it imports, from its own folder or from this package.  Raises CodeError."""
    found = read(path)
    modules = {module for tree in found.trees.values() for module in installed().counted(tree)}
    return found.digest([installed().of(module) for module in modules])


def check_code(recipe: Recipe) -> None:
    """Raise RuntimeError if the code, or a file that it reads, is no longer that of the recipe: edited meanwhile."""
    for of_run in (recipe, *recipe.get("with", [])):
        for each in ancestors(of_run).values():
            for module, digest in each["code"].items():
                if installed().of(module) != digest:
                    raise RuntimeError(f"{module}, or what it imports, {EDITED}")
            for section, digest in each.get("own", {}).items():
                file = each["paths"][section]["path"]
                if of_file(Path(file)) != digest:
                    raise RuntimeError(f"{file}, or what it imports, {EDITED}")
            reading.check(each.get("files", {}))
