"""Which files of the library a file imports, read from its source, and which package each lies in."""

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
        for file in imported_files(waiting.pop()) - found:
            found.add(file)
            waiting.append(file)
    return {file.relative_to(REPO).as_posix() for file in found - {source}}


def imported_files(source: Path) -> set[Path]:
    """Library files that a file itself imports."""
    names = _imported_names(ast.parse(source.read_text(encoding="utf-8")))
    files = {REPO.joinpath(*name.split(".")).with_suffix(".py") for name in names if name.split(".")[0] == PACKAGE}
    return {file for file in files if file.is_file()}


def imported_names(source: Path) -> set[tuple[str, str]]:
    """Module and name of everything that a file takes from a module of the library."""
    tree = ast.parse(source.read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return {
        (node.module, alias.name)
        for node in imports
        if node.module and node.module.split(".")[0] == PACKAGE
        for alias in node.names
    }


def imported_packages(files: Iterable[str]) -> set[str]:
    """Top-level names that files import directly; the files' paths are relative to the repository's root."""
    trees = (ast.parse((REPO / file).read_text(encoding="utf-8")) for file in files)
    return {name.split(".")[0] for tree in trees for name in _imported_names(tree)}


def package_of(file: str | Path) -> str:
    """The package that a library file lies in: "images" of rare_species/images/png.py."""
    inside = Path(file).relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


def dependency(file: str) -> str:
    """What dvc.yaml names for a library file: its package, but a section of params.yaml by itself."""
    return file if package_of(file) == "params" else f"{PACKAGE}/{package_of(file)}"


def _imported_names(node: ast.AST) -> Iterator[str]:
    """Every dotted name that might be a module: of `from a.b import c` both a.b and a.b.c."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
        return
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    if isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name modules in full"
        yield str(node.module)
        yield from (f"{node.module}.{alias.name}" for alias in node.names)
    for child in ast.iter_child_nodes(node):
        yield from _imported_names(child)
