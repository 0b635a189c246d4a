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
from typing import Any

from training_jacobian.artifacts import reading
from training_jacobian.artifacts.address import Recipe, ancestors, canonical

PACKAGE, ROOT = "training_jacobian", Path(__file__).parents[1]
UNCOUNTED = ("artifacts", "jobs", "section", "progress", "declaration", "learning.components")  # they compute no number


def shape_of(node: Any) -> Any:
    """A syntax tree as JSON, without what computes nothing and whatever differs between Python versions."""
    if isinstance(node, list):
        return [shape_of(each) for each in node]
    if not isinstance(node, ast.AST):
        return None if node is None else repr(node)
    fields = dict(ast.iter_fields(node))
    body = fields.get("body")
    if isinstance(body, list):
        fields["body"] = [each for each in body if not _says_only(each)]
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "training_jacobian":
        fields["module"] = "training_jacobian"  # the names count; the module counts by its own digest
    if isinstance(node, ast.JoinedStr):  # Python 3.12 and later put empty strings into format specifications
        fields["values"] = [each for each in node.values if getattr(each, "value", None) != ""]
    shapes = {name: shape_of(value) for name, value in fields.items() if name != "type_ignores"}
    return [type(node).__name__, {name: shape for name, shape in shapes.items() if shape not in (None, [])}]


def _says_only(node: ast.AST) -> bool:
    """A constant standing alone, such as a docstring, or a model of params.yaml."""
    if isinstance(node, ast.ClassDef):
        return node.name == "Options" or any(isinstance(base, ast.Name) and base.id == "Section" for base in node.bases)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


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
            counted = [each for each in self._imported(tree) if not {each, each.split(".")[0]} & {*UNCOUNTED}]
            below = sorted({self.of(each, (*importers, module)) for each in counted})
            self._known[module] = hashlib.sha256(canonical([shape_of(tree), below]).encode()).hexdigest()[:12]
        return self._known[module]


@cache
def installed() -> Digests:
    """Of the package that runs."""
    return Digests()


def code(*modules: str) -> dict[str, str]:
    """Digests by module, as they stand in a recipe."""
    return {module: installed().of(module) for module in modules}


def check_code(recipe: Recipe) -> None:
    """Raise RuntimeError if the code, or a file that it reads, is no longer that of the recipe: edited meanwhile."""
    for of_run in (recipe, *recipe.get("with", [])):
        for each in ancestors(of_run).values():
            for module, digest in each["code"].items():
                if installed().of(module) != digest:
                    raise RuntimeError(
                        f"{module}, or what it imports, was edited after the workflow was started; "
                        "run the same command again"
                    )
            reading.check(each.get("files", {}))
