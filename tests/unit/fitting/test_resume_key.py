"""rare_species.fitting.resume_key: a key changes with the code, the photos and the features that a fit depends on."""

from dataclasses import replace

from rare_species.data.shards import open_packed, pack
from rare_species.fitting import resume_key
from tests.contract.imports import dependency, library_imports
from tests.toy import REPO
from tests.unit.candidates import save_changed

LIBRARY = REPO / "rare_species"


def test_keys_of_fits_hash_the_code_that_fits_depend_on():
    """Else a fit would go on from another's state, or a change elsewhere would throw a running one away."""
    for stage, module in {"train": "train/ensemble.py", "tune": "tune/search.py"}.items():
        source = LIBRARY / module
        needed = {dependency(file) for file in (library_imports(source) | {str(source.relative_to(REPO))})}
        assert {f"rare_species/{place}" for place in resume_key.CODE[stage]} == needed


def test_keys_of_fits_hash_files_in_folders_of_folders(tmp_path, monkeypatch):
    (tmp_path / "train/deeper").mkdir(parents=True)
    (tmp_path / "train/deeper/new.py").touch()
    monkeypatch.setattr(resume_key, "LIBRARY", tmp_path)
    assert tmp_path / "train/deeper/new.py" in resume_key.code_files("train")


def test_key_of_a_fit_changes_with_photos_and_with_features(data, packed, tmp_path):
    same = replace(data)
    others = save_changed(data, tmp_path / "features", lambda _, one: replace(one, values=one.values + 1))
    jpegs = [jpeg + b"\0" for jpeg in packed.read(packed.index)]
    pack(packed.index, jpegs, made(tmp_path / "p"), 10, packed.preprocessing)
    repacked = replace(data, packed=open_packed(tmp_path / "p"))
    assert resume_key.fit_key("train", data) == resume_key.fit_key("train", same)
    assert len({resume_key.fit_key("train", one) for one in (data, others, repacked)}) == 3
    assert (
        len(
            {
                resume_key.fit_key("train", data),
                resume_key.fit_key("tune", data),
                resume_key.fit_key("train", data, "seed 1"),
            }
        )
        == 3
    )


def made(folder):
    folder.mkdir()
    return folder
