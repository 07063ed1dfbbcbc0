"""Which modules of the library a file imports, read from its source."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.toy import REPO

PACKAGE = "rare_species"


def library_imports(source: Path) -> set[str]:
    """Library files that a file needs, directly or not, relative to the repository's root; never itself.

    Imports inside functions count, those below `if TYPE_CHECKING` do not. Packages' `__init__.py` are left out: they
    import nothing of the project, which a test checks.
    """
    found: set[Path] = set()
    waiting = [source]
    while waiting:
        for file in _imported_files(waiting.pop()) - found:
            found.add(file)
            waiting.append(file)
    return {file.relative_to(REPO).as_posix() for file in found - {source}}


def packages_of(files: Iterable[str]) -> set[str]:
    """Top-level names of what files import themselves, relative to the repository's root."""
    trees = (ast.parse((REPO / file).read_text(encoding="utf-8")) for file in files)
    return {name.split(".")[0] for tree in trees for name in _imported_names(tree)}


def _imported_files(source: Path) -> set[Path]:
    names = _imported_names(ast.parse(source.read_text(encoding="utf-8")))
    files = {REPO.joinpath(*name.split(".")).with_suffix(".py") for name in names if name.split(".")[0] == PACKAGE}
    return {file for file in files if file.is_file()}


def _imported_names(node: ast.AST) -> Iterator[str]:
    """Every dotted name that might be a module: of `from a.b import c` both a.b and a.b.c."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "the house imports by full name"
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported_names(child)
