"""rare_species.files: outputs are replaced whole or not at all; JSON has the same bytes every time."""

from pathlib import Path

import pytest

from rare_species.files import read_json, remove, staged, write_json


@pytest.fixture
def old(tmp_path: Path) -> tuple[Path, Path]:
    """A folder and a file that an earlier run left."""
    folder, file = tmp_path / "data/split", tmp_path / "metrics/split.json"
    folder.mkdir(parents=True)
    file.parent.mkdir()
    (folder / "old.csv").write_text("old")
    file.write_text("old")
    return folder, file


def contents(root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): path.read_text() for path in root.rglob("*") if path.is_file()}


def test_outputs_are_replaced_whole(tmp_path: Path, old: tuple[Path, Path]) -> None:
    with staged(*old) as (folder, file):
        (folder / "new.csv").write_text("new")
        file.write_text("new")
    assert contents(tmp_path) == {"data/split/new.csv": "new", "metrics/split.json": "new"}
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["split", "split.json"]


def test_old_outputs_stay_until_the_new_ones_are_complete(old: tuple[Path, Path]) -> None:
    with staged(*old) as (folder, file):
        (folder / "new.csv").write_text("new")
        file.write_text("new")
        assert (contents(old[0]), old[1].read_text()) == ({"old.csv": "old"}, "old")
        assert {folder.parent, file.parent} == {old[0].parent, old[1].parent}, "renaming must stay on one disk"


@pytest.mark.parametrize("error", [ValueError("half"), OSError("full"), KeyboardInterrupt()])
def test_old_outputs_are_untouched_when_the_work_fails(
    tmp_path: Path, old: tuple[Path, Path], error: BaseException
) -> None:
    with pytest.raises(type(error)), staged(*old) as (folder, file):
        (folder / "half.csv").write_text("half")
        file.write_text("half")
        raise error
    assert contents(tmp_path) == {"data/split/old.csv": "old", "metrics/split.json": "old"}
    assert sorted(path.name for path in tmp_path.glob("*/*")) == ["split", "split.json"]


def test_a_folder_in_a_files_place_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "page.html").mkdir()
    with pytest.raises(IsADirectoryError, match=r"page\.html"), staged(tmp_path / "page.html"):
        pytest.fail("the work must not begin")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_leftovers_of_a_killed_run_are_removed(tmp_path: Path, old: tuple[Path, Path]) -> None:
    with staged(*old) as (folder, file):
        (folder / "stale.csv").write_text("stale")
        file.write_text("stale")
        killed = contents(tmp_path)
    for name, text in killed.items():  # as if the process had been killed in the middle
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    with staged(*old) as (folder, file):
        assert list(folder.iterdir()) == []
        assert not file.exists()
        file.write_text("new")
    assert contents(tmp_path) == {"metrics/split.json": "new"}


def test_places_that_are_not_there_are_made(tmp_path: Path) -> None:
    with staged(tmp_path / "a/b/folder", tmp_path / "c/d/file.json") as (folder, file):
        assert folder.is_dir()
        file.write_text("new")
    assert (tmp_path / "a/b/folder").is_dir()
    assert contents(tmp_path) == {"c/d/file.json": "new"}


def test_a_linked_output_is_replaced_without_following_the_link(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/kept.csv").write_text("kept")
    (tmp_path / "folder").symlink_to(tmp_path / "cache")
    with staged(tmp_path / "folder") as (folder,):
        (folder / "new.csv").write_text("new")
    assert not (tmp_path / "folder").is_symlink()
    assert contents(tmp_path) == {"cache/kept.csv": "kept", "folder/new.csv": "new"}


def test_remove_takes_files_links_and_folders_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "file").touch()
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    for name in ("folder", "file", "broken", "absent"):
        remove(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_json_is_indented_utf8_with_a_final_newline(tmp_path: Path) -> None:
    write_json(tmp_path / "sub/a.json", {"b": "Größe", "a": [1, 0.5]})
    wanted = '{\n  "b": "Größe",\n  "a": [\n    1,\n    0.5\n  ]\n}\n'
    assert (tmp_path / "sub/a.json").read_bytes() == wanted.encode()
    assert read_json(tmp_path / "sub/a.json") == {"b": "Größe", "a": [1, 0.5]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_json_refuses_what_json_does_not_have_and_keeps_the_old_file(tmp_path: Path, value: float) -> None:
    write_json(tmp_path / "a.json", {"accuracy": 0.5})
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "a.json", {"accuracy": value})
    assert read_json(tmp_path / "a.json") == {"accuracy": 0.5}
