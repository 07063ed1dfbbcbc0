"""The house: rooms stand on floors, imports run down only, and nobody reaches into another room's drawers."""

import ast
from collections.abc import Iterator

import pytest

from tests.contract.imports import imported_files, imported_names, room
from tests.toy import REPO

# From the roof to the ground; __init__.py of each room says what it is for, and README draws it
FLOORS = (
    ("cli",),
    ("report", "sample"),
    ("export", "compare"),
    ("predict",),
    ("evaluate",),
    ("train", "tune"),
    ("embed", "preprocess", "clean", "split", "unzip"),
    ("params",),
    ("fitting",),
    ("models", "backbones", "treatments", "layouts"),
    ("networks",),
    ("data", "images"),
    ("metrics", "tracking", "figures", "parallel", "augmentation"),
    ("common",),
)
FLOOR = {name: -number for number, names in enumerate(FLOORS) for name in names}
LIBRARY = REPO / "rare_species"
FILES = sorted(file for file in LIBRARY.rglob("*.py") if file.parent != LIBRARY)


def arrows() -> Iterator[tuple[str, str, str]]:
    """Room, room that it imports, and the two files."""
    for file in FILES:
        for other in imported_files(file):
            names = [path.relative_to(REPO) for path in (file, other)]
            if room(names[0]) != room(names[1]):
                yield room(names[0]), room(names[1]), " -> ".join(map(str, names))


def test_every_room_is_on_a_floor():
    assert {room(file.relative_to(REPO)) for file in FILES} == set(FLOOR)


def test_imports_run_down_only():
    assert [files for above, below, files in arrows() if FLOOR[above] <= FLOOR[below]] == []


def test_no_name_with_an_underscore_is_imported():
    private = [
        f"{file.relative_to(REPO)}: {module}.{name}"
        for folder in ("rare_species", "stages", "benchmarks")
        for file in sorted((REPO / folder).rglob("*.py"))
        for module, name in imported_names(file)
        if name.startswith("_")
    ]
    assert private == []


@pytest.mark.parametrize("name", FLOOR)
def test_a_room_says_what_it_is_for_and_what_it_imports(name):
    """Its second line names the rooms, so that a new import is a decision."""
    text = ast.get_docstring(ast.parse((LIBRARY / name / "__init__.py").read_text(encoding="utf-8")))
    purpose, _, imports = str(text).partition("\n\n")
    assert purpose.endswith(".")
    below = sorted({other for above, other, _ in arrows() if above == name})
    assert " ".join(imports.split()) == f"Imports: {', '.join(below) if below else 'nothing of the library'}."
