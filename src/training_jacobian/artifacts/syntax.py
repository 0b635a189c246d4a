"""Syntax trees of code as JSON, without what computes nothing: comments, layout, docstrings."""

import ast
import json
from functools import cache
from typing import Any


def shape_of(node: Any, of_package: bool = True) -> str:
    """A syntax tree as JSON, without what computes nothing and whatever differs between Python versions.

    `of_package`: of a module of this package, whose models of params.yaml compute nothing.  The text is written at
    once, not by way of objects: every start of the workflow does this for a hundred modules.
    """
    if isinstance(node, list):
        return f"[{','.join([shape_of(each, of_package) for each in node])}]"
    if not isinstance(node, ast.AST):
        return "null" if node is None else json.dumps(repr(node))
    shapes = []
    for name in _in_order(node._fields):
        value = getattr(node, name, None)
        if isinstance(value, list):
            if name == "body":
                value = [each for each in value if not _says_only(each, of_package)]
            elif isinstance(node, ast.JoinedStr):  # Python 3.12 and later put empty strings into format specifications
                value = [each for each in value if getattr(each, "value", None) != ""]
        elif name == "module" and value is not None and value.split(".")[0] == "training_jacobian":
            value = "training_jacobian"  # the names count; the module counts by its own digest
        if value is not None and value != []:
            shapes.append(f'"{name}":{shape_of(value, of_package)}')
    return f'["{type(node).__name__}",{{{",".join(shapes)}}}]'


@cache
def _in_order(fields: tuple[str, ...]) -> list[str]:
    return sorted(name for name in fields if name != "type_ignores")


def _says_only(node: ast.AST, of_package: bool) -> bool:
    """A constant standing alone, such as a docstring, or a model of params.yaml."""
    if of_package and isinstance(node, ast.ClassDef):
        return node.name == "Options" or any(isinstance(base, ast.Name) and base.id == "Section" for base in node.bases)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
