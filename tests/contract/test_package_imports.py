"""The packages of the library: imports run down the layers only, and no package imports another's private names."""

import ast
from collections.abc import Iterator

import pytest

from tests.contract.imports import imported_files, imported_names, package_of
from tests.toy import REPO

# From top to bottom: a package imports only from layers below its own
LAYERS = (
    ("cli",),
    ("report", "sample"),
    ("export", "compare"),
    ("predict",),
    ("evaluate",),
    ("train", "tune"),
    ("embed", "preprocess", "clean", "split", "unzip"),
    ("params",),
    ("fitting",),
    ("saved_models", "backbones", "treatments", "layouts"),
    ("networks",),
    ("data", "images"),
    ("metrics", "tracking", "figures", "parallel", "augmentation"),
    ("common",),
)
HEIGHT = {name: -number for number, names in enumerate(LAYERS) for name in names}
LIBRARY = REPO / "rare_species"
FILES = sorted(file for file in LIBRARY.rglob("*.py") if file.parent != LIBRARY)


def imports_between_packages() -> Iterator[tuple[str, str, str]]:
    """Package, package that it imports, and the two files."""
    for file in FILES:
        for other in imported_files(file):
            names = [path.relative_to(REPO) for path in (file, other)]
            if package_of(names[0]) != package_of(names[1]):
                yield package_of(names[0]), package_of(names[1]), " -> ".join(map(str, names))


def test_every_package_is_in_a_layer():
    assert {package_of(file.relative_to(REPO)) for file in FILES} == set(HEIGHT)


def test_imports_run_down_only():
    assert [files for above, below, files in imports_between_packages() if HEIGHT[above] <= HEIGHT[below]] == []


def test_no_name_with_an_underscore_is_imported():
    private = [
        f"{file.relative_to(REPO)}: {module}.{name}"
        for folder in ("rare_species", "stages", "benchmarks")
        for file in sorted((REPO / folder).rglob("*.py"))
        for module, name in imported_names(file)
        if name.startswith("_")
    ]
    assert private == []


@pytest.mark.parametrize("name", HEIGHT)
def test_a_package_says_what_it_is_for_and_what_it_imports(name):
    """Its second line names the packages, so that a new import is a decision."""
    text = ast.get_docstring(ast.parse((LIBRARY / name / "__init__.py").read_text(encoding="utf-8")))
    purpose, _, imports = str(text).partition("\n\n")
    assert purpose.endswith(".")
    below = sorted({other for above, other, _ in imports_between_packages() if above == name})
    assert " ".join(imports.split()) == f"Imports: {', '.join(below) if below else 'nothing of the library'}."
