"""Every file below data/ that a stage reads, damaged in every way: one message that names it, and nothing changed.

Which stage reads what: the first in the graph that does. What is not here: the archive (`test_bad_input`), and what a
killed fit or search leaves, which is never fatal (`test_callbacks`, `test_trials`).
"""

import functools
import importlib
import shutil
from pathlib import Path

import pytest

from rare_species.common import stage_runner
from tests.damage import list_damages
from tests.stages.test_bad_input import one_message

READERS = {
    "data/labels/listing.csv": "clean",
    "data/labels/SHA256SUMS": "clean",
    "data/clean/manifest.csv": "split",
    "data/clean/SHA256SUMS": "split",
    "data/split/split.csv": "preprocess",
    "data/split/SHA256SUMS": "preprocess",
    "data/split/classes.json": "embed",
    "data/processed/index.csv": "embed",
    "data/processed/packed.json": "embed",
    "data/processed/SHA256SUMS": "embed",
    "data/features/backbone.json": "train",
    "data/features/backbone.keras": "train",
    "data/features/train.npz": "train",
    "data/features/val.npz": "tune",
    "data/features/SHA256SUMS": "train",
}
LIST = "SHA256SUMS"  # a bit of it may belong to a file that another stage reads


@pytest.fixture(scope="module")
def copied(chain, tmp_path_factory) -> Path:
    """A copy of the finished run that each test leaves as it was."""
    return shutil.copytree(chain.folder, tmp_path_factory.mktemp("damaged") / "chain")


@pytest.fixture(scope="module")
def params():
    """What params.yaml says, read once for hundreds of runs."""
    return functools.cache(stage_runner.load_params)


@pytest.fixture(autouse=True)
def inside(copied, params, monkeypatch):
    monkeypatch.chdir(copied)
    monkeypatch.setattr(stage_runner, "load_params", params)


def run(name: str) -> int:
    return int(importlib.import_module(f"stages.{name}").main([]))


def state(folder: Path) -> dict[str, tuple[int, int]]:
    """Size and time of every file."""
    stats = {path.relative_to(folder).as_posix(): path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: (stat.st_size, stat.st_mtime_ns) for path, stat in stats.items()}


def unseen(damages: dict[str, bytes], file: Path, reader: str, capsys) -> dict[str, str]:
    """The damages that do not end in one message that names the file; it is whole again afterwards."""
    data, wrong = file.read_bytes(), {}
    try:
        for name, damaged in damages.items():
            file.write_bytes(damaged)
            before = state(Path.cwd())
            capsys.readouterr()
            code = run(reader)
            if code != 1 or state(Path.cwd()) != before:
                wrong[name] = f"exit {code}"
            elif str(file) not in (message := one_message(reader, capsys.readouterr().err)):
                wrong[name] = message
    finally:
        file.write_bytes(data)
    return wrong


@pytest.mark.parametrize(("path", "reader"), READERS.items())
def test_damaged_file_is_named_and_nothing_changes(capsys, path, reader):
    file = Path(path)
    damages = list_damages(file.read_bytes(), file.suffix)
    if file.name == LIST:
        del damages["a bit flipped"]
    assert len(damages) >= 5
    assert unseen(damages, file, reader, capsys) == {}


@pytest.mark.parametrize("path", [path for path in READERS if not path.endswith(LIST)])
def test_missing_file_is_named(capsys, path):
    file, aside = Path(path), Path("aside")
    file.rename(aside)
    try:
        capsys.readouterr()
        assert run(READERS[path]) == 1
        assert path in one_message(READERS[path], capsys.readouterr().err)
    finally:
        aside.rename(file)


def test_test_features_are_compared_where_they_are_used(capsys):
    file = Path("data/features/test.npz")
    damages = list_damages(file.read_bytes(), file.suffix)
    chosen = {name: damages[name] for name in ("values NaN", "values in another order", "labels in another order")}
    assert unseen(chosen, file, "evaluate", capsys) == {}


def test_features_of_one_split_are_not_those_of_another(capsys):
    val, test = Path("data/features/val.npz"), Path("data/features/test.npz")
    assert unseen({"of test": test.read_bytes()}, val, "train", capsys) == {}


def test_damaged_shard_is_named_before_photos_are_embedded(capsys):
    file = Path("data/processed/shard-00001.tar")
    damages = {"cut in half": list_damages(file.read_bytes(), "")["cut in half"]}
    assert unseen(damages, file, "embed", capsys) == {}


def test_photo_that_changed_after_it_was_cleaned_is_refused(capsys):
    file = Path("data/images/Felidae/110000.jpg")
    damages = list_damages(file.read_bytes(), "")
    damages["another photo"] = Path("data/images/Felidae/110100.jpg").read_bytes()
    assert unseen(damages, file, "preprocess", capsys) == {}


def test_damaged_list_of_exclusions_is_named(capsys):
    file = Path("data/exclude.csv")
    damages = list_damages(file.read_bytes(), ".csv")
    del damages["a column more"]  # a person may have one
    assert unseen(damages | {"a path outside": b"file_path\n../a.jpg\n"}, file, "clean", capsys) == {}


def test_manifest_is_read_by_evaluate_too(capsys):
    file = Path("data/clean/manifest.csv")
    damages = list_damages(file.read_bytes(), ".csv")
    chosen = {name: damages[name] for name in ("half the rows", "width nan", "height missing", "empty")}
    assert unseen(chosen, file, "evaluate", capsys) == {}
