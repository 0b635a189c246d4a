"""Syntax trees of code as JSON, without what computes nothing: comments, layout, docstrings."""

import ast
from typing import Any


def shape_of(node: Any, of_package: bool = True) -> Any:
    """A syntax tree as JSON, without what computes nothing and whatever differs between Python versions.

    `of_package`: of a module of this package, whose models of params.yaml compute nothing.
    """
    if isinstance(node, list):
        return [shape_of(each, of_package) for each in node]
    if not isinstance(node, ast.AST):
        return None if node is None else repr(node)
    fields = dict(ast.iter_fields(node))
    body = fields.get("body")
    if isinstance(body, list):
        fields["body"] = [each for each in body if not _says_only(each, of_package)]
    if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "training_jacobian":
        fields["module"] = "training_jacobian"  # the names count; the module counts by its own digest
    if isinstance(node, ast.JoinedStr):  # Python 3.12 and later put empty strings into format specifications
        fields["values"] = [each for each in node.values if getattr(each, "value", None) != ""]
    shapes = {name: shape_of(value, of_package) for name, value in fields.items() if name != "type_ignores"}
    return [type(node).__name__, {name: shape for name, shape in shapes.items() if shape not in (None, [])}]


def _says_only(node: ast.AST, of_package: bool) -> bool:
    """A constant standing alone, such as a docstring, or a model of params.yaml."""
    if of_package and isinstance(node, ast.ClassDef):
        return node.name == "Options" or any(isinstance(base, ast.Name) and base.id == "Section" for base in node.bases)
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
