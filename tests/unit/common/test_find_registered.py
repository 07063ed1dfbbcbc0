"""rare_species.common.registry: each module of a package that registers an entry is found."""

from pathlib import Path

import pytest

from rare_species.common.registry import find_registered


def test_modules_that_register_an_entry_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "shelf_of_entries"
    package.mkdir()
    for name, text in {"__init__": "", "b": "ENTRY = 2", "a": "ENTRY = 1", "helper": "OTHER = 3"}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert sorted(find_registered("shelf_of_entries", "ENTRY")) == [1, 2]
