"""Runs a user's file as a module of its own, with what it imports from its own folder, and nothing left over of others.

Each text is another module in memory, so that an edit is seen and two folders may both have a `helper.py`.  What can be
imported from the folder is exactly what its digest counts (`sources.py`).
"""

import ast
import importlib
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from training_jacobian.artifacts import reading
from training_jacobian.artifacts.integrity import file_digest
from training_jacobian.artifacts.sources import CodeError, Sources, at

PREFIX, MAIN, UNUSED = "training_jacobian_file_", "main__", "__imported__"
_LOADED: dict[str, Sources] = {}  # by the name of the package that they are in memory
_FILES: dict[str, list[str]] = {}  # what they could read when they were imported


def load(sources: Sources, shown: str) -> ModuleType:
    """The module of a file; `shown` is its path for people.  Raises CodeError, with file and line, if it fails."""
    package = f"{PREFIX}{sources.version}"
    if package not in _LOADED:
        if not any(isinstance(each, _Finder) for each in sys.meta_path):
            sys.meta_path.insert(0, _Finder())
        _LOADED[package] = sources
    counted = {str(file): shown for file in sources.trees}
    reading.own(counted, f"{package}.{MAIN}")
    known = sys.modules.get(f"{package}.{MAIN}")
    if known and _files(known) == _FILES[package]:
        return known
    _forget(package)  # it may have read, when it was imported, what its FILES held then
    try:
        with redirect_stdout(sys.stderr):  # what we print may be read by programs
            module = importlib.import_module(f"{package}.{MAIN}")
    except (Exception, SystemExit) as error:
        _forget(package)
        raise CodeError(told(error, sources)) from error
    _FILES[package] = _files(module)
    return module


def _forget(package: str) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def _files(module: ModuleType) -> list[str]:
    """SHA-256 of what its FILES name, as far as it is there."""
    return [file_digest(Path(name)) if Path(name).is_file() else "" for name in reading.declared(module)]


def told(error: BaseException, sources: Sources, otherwise: str = "") -> str:
    """What went wrong in a user's code, and where: the innermost line of its own files, if there is one."""
    place, trace = otherwise and f"{otherwise}: ", error.__traceback__
    while trace is not None:
        if (file := Path(trace.tb_frame.f_code.co_filename)) in sources.trees:
            place = f"{at(file, trace.tb_lineno)}: "
        trace = trace.tb_next
    text = " ".join(str(error).split())
    text = text if len(text) < 400 else f"{text[:400]}..."
    return f"{place}{type(error).__name__}{f': {text}' if text else ''}"


def sources_of(module: ModuleType) -> Sources:
    """The files of a module that `load` has made."""
    return _LOADED[module.__name__.partition(".")[0]]


class _Finder(MetaPathFinder):
    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, inner = name.partition(".")
        if package not in _LOADED:
            return None
        sources = _LOADED[package]
        if inner in ("", MAIN):
            files = [sources.path] if inner else []
        else:
            whole = sources.folder.joinpath(*inner.split("."))
            files = [file for file in (whole.with_suffix(".py"), whole / "__init__.py") if file in sources.trees]
            if not files and not whole.is_dir():
                return None
        if not files:  # a folder without code of its own
            return ModuleSpec(name, None, is_package=True)
        file = str(files[0])
        places = [str(files[0].parent)] if files[0].name == "__init__.py" and inner != MAIN else None
        return spec_from_file_location(name, file, loader=_Loader(name, file), submodule_search_locations=places)


class _Loader(SourceFileLoader):
    """Of the text that was read, never of bytes compiled before: these may be of another text of the same second."""

    def get_code(self, fullname: str) -> Any:
        package = fullname.partition(".")[0]
        sources, file = _LOADED[package], Path(self.path)
        tree = _Inside(package, sources, file).visit(ast.parse(sources.texts[file], filename=self.path))
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


class _Inside(ast.NodeTransformer):
    """Imports from the file's own folder lead into its package in memory."""

    def __init__(self, package: str, sources: Sources, file: Path) -> None:
        self.package, self.sources, self.file = package, sources, file

    def visit_ImportFrom(self, node: ast.ImportFrom) -> Any:
        base = self.sources.named(node, self.file)
        if node.level or self.sources.own(base, self.file):
            name = f"{self.package}.{base}".rstrip(".")
            return ast.copy_location(ast.ImportFrom(name, node.names, 0), node)
        names = [alias.name for alias in node.names]
        if any(self.sources.own(f"{base}.{name}", self.file) for name in names):  # of a folder without __init__.py
            return ast.copy_location(ast.ImportFrom(f"{self.package}.{base}", node.names, 0), node)
        return node

    def visit_Import(self, node: ast.Import) -> Any:
        made: list[ast.stmt] = []
        for alias in node.names:
            if not self.sources.own(alias.name, self.file):
                made.append(ast.Import([alias]))
                continue
            first, _, inner = alias.name.partition(".")
            if alias.asname:
                made.append(ast.Import([ast.alias(f"{self.package}.{alias.name}", alias.asname)]))
                continue
            if inner:
                made.append(ast.Import([ast.alias(f"{self.package}.{alias.name}", UNUSED)]))
            made.append(ast.ImportFrom(self.package, [ast.alias(first, None)], 0))
        return [ast.copy_location(each, node) for each in made]
