"""A user's file of Python, beside params.yaml: what it imports from its own folder, and the digest of it all.

Names of its own folder come before those of libraries, as for a script that is run there.  What is imported from
anywhere else must be installed: a change of it would go unseen.
"""

import ast
import hashlib
import importlib.util
import time
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

from training_jacobian.artifacts import reading
from training_jacobian.artifacts.address import canonical
from training_jacobian.artifacts.integrity import TICK
from training_jacobian.artifacts.syntax import shape_of

PACKAGE = "training_jacobian"


_READ: dict[Path, "Sources"] = {}


class CodeError(ValueError):
    """What is wrong with a user's file: the file, the line, what is expected."""


def at(file: Path, line: int | None) -> str:
    """A place in a file, for people."""
    return f"{file.name}, line {line}" if line else file.name


class Sources:
    """A file and all that it imports from its own folder, in their state of now.

    Raises CodeError if one cannot be read or parsed, or imports what is neither in the folder nor installed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.folder = self.path.parent
        self.texts: dict[Path, bytes] = {}
        self.trees: dict[Path, ast.Module] = {}
        self._digests: dict[tuple[str, ...], str] = {}
        left = [self.path]
        while left:
            file = left.pop()
            if file not in self.trees:
                self.trees[file] = self._parsed(file)
                left += [found for node in ast.walk(self.trees[file]) for found in self._imported(node, file)]
        self._seen = self._now()

    def _parsed(self, file: Path) -> ast.Module:
        try:
            self.texts[file] = file.read_bytes()
            return ast.parse(self.texts[file], filename=str(file))
        except OSError as error:
            reason = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
            raise CodeError(f"{reason}; give a file of Python, relative to the project's root") from None
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            line = getattr(error, "lineno", None)
            told = getattr(error, "msg", None) or str(error) or type(error).__name__
            raise CodeError(f"{at(file, line)}: not valid Python: {told}") from None

    def own(self, name: str, importer: Path) -> list[Path]:
        """Files of this folder that `import name` runs, e.g. of `blocks.attention`; none where it is no name of it.

        A file does not import itself: `flax.py` may import the library of that name.
        """
        parts, found, last = name.split("."), [], None
        if importer == self.path and parts[0] == self.path.stem:
            return []
        for count in range(1, len(parts) + 1):
            base = self.folder.joinpath(*parts[:count])
            last = next((file for file in (base.with_suffix(".py"), base / "__init__.py") if file.is_file()), None)
            found += [last] if last else []
            if last is None and not base.is_dir():
                break
        return found

    def named(self, node: ast.ImportFrom, file: Path) -> str:
        """The dotted name, from this folder, or from nowhere, of what `from ... import` names in a file of it."""
        if not node.level:
            return node.module or ""
        inside = file.parent.relative_to(self.folder).parts
        if node.level - 1 > len(inside):
            raise CodeError(f"{at(file, node.lineno)}: a relative import leads out of its folder")
        kept = inside[: len(inside) - (node.level - 1)]
        return ".".join([*kept, *([node.module] if node.module else [])])

    def _imported(self, node: ast.AST, file: Path) -> Iterator[Path]:
        """Files of this folder that an import runs."""
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = self.named(node, file)
            # `from blocks import attention` may name a module or what a module has
            names = [f"{base}.{alias.name}".lstrip(".") for alias in node.names]
            names = [name for name in names if self.own(name, file)] or ([base] if base else [])
        else:
            return
        for name in names:
            if found := self.own(name, file):
                yield from found
            elif name.split(".")[0] != PACKAGE and not getattr(node, "level", 0):
                self._must_be_installed(name.split(".")[0], file, node.lineno)

    def _must_be_installed(self, name: str, file: Path, line: int) -> None:
        try:
            spec = importlib.util.find_spec(name)
        except (ImportError, ValueError):
            return
        places = [*([spec.origin] if spec and spec.origin else []), *((spec and spec.submodule_search_locations) or [])]
        for place in places:
            if place not in ("built-in", "frozen") and not reading.of_library(place):
                raise CodeError(
                    f"{at(file, line)}: imports {name} from {place}, which is neither in its folder nor installed: a "
                    f"change of it would go unseen; move it into {self.folder.name}/"
                )

    def digest(self, of_package: list[str]) -> str:
        """12 hexadecimal digits of all of them, without comments and docstrings; the file's own name does not count.

        `of_package` are digests of what they import from this package.
        """
        if (known := tuple(of_package)) not in self._digests:
            self._digests[known] = self._digest(of_package)
        return self._digests[known]

    def _digest(self, of_package: list[str]) -> str:
        shapes = {file.relative_to(self.folder).as_posix(): shape_of(tree, False) for file, tree in self.trees.items()}
        own = shapes.pop(self.path.relative_to(self.folder).as_posix())
        others = ",".join(f"{canonical(name)}:{shape}" for name, shape in sorted(shapes.items()))
        whole = f"[{own},{{{others}}},{canonical(sorted(of_package))}]"
        return hashlib.sha256(whole.encode()).hexdigest()[:12]

    def _now(self) -> list[Any]:
        """What tells that one of the files was written, or that another came into their folders."""
        try:
            return [_about(each) for file in self.trees for each in (file, file.parent)]
        except OSError:
            return []

    def are_as_read(self) -> bool:
        """Whether nothing was written since: surely, as file systems tell it."""
        now = self._now()
        return now == self._seen and all(time.time() - written / 1e9 > TICK for written, *_ in now)

    @cached_property
    def version(self) -> str:
        """12 hexadecimal digits of their places and bytes: another text is another module in memory."""
        found = hashlib.sha256()
        for file, text in sorted(self.texts.items()):
            found.update(f"{file}\0{len(text)}\0".encode() + text)
        return found.hexdigest()[:12]


def _about(path: Path) -> tuple[int, int, int]:
    about = path.stat()
    return about.st_mtime_ns, about.st_size, about.st_ino


def read(path: Path) -> Sources:
    """As `Sources`, of a file that is asked for often: it is parsed once, and again when something has changed."""
    where = path.absolute()
    if where not in _READ or not _READ[where].are_as_read():
        _READ[where] = Sources(where)
    return _READ[where]
