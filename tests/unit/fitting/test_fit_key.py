"""rare_species.fitting.fit_key: which code a key hashes; what else it depends on is in test_candidates."""

from rare_species.fitting import fit_key
from tests.contract.imports import dependency, library_imports
from tests.toy import REPO

LIBRARY = REPO / "rare_species"


def test_keys_of_fits_hash_the_code_that_fits_depend_on():
    """Else a fit would go on from another's state, or a change elsewhere would throw a running one away."""
    for stage, module in {"train": "train/members.py", "tune": "tune/search.py"}.items():
        source = LIBRARY / module
        needed = {dependency(file) for file in (library_imports(source) | {str(source.relative_to(REPO))})}
        assert {f"rare_species/{place}" for place in fit_key.CODE[stage]} == needed


def test_keys_of_fits_hash_files_in_folders_of_folders(tmp_path, monkeypatch):
    (tmp_path / "train/deeper").mkdir(parents=True)
    (tmp_path / "train/deeper/new.py").touch()
    monkeypatch.setattr(fit_key, "LIBRARY", tmp_path)
    assert tmp_path / "train/deeper/new.py" in fit_key.code_files("train")
