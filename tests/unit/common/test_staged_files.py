"""rare_species.common.staged_files: outputs are replaced whole or not at all; JSON has the same bytes every time."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rare_species.common import atomic_replace
from rare_species.common.atomic_replace import remove
from rare_species.common.command_line import run_command
from rare_species.common.errors import UserError
from rare_species.common.staged_files import read_json, staged, write_json
from tests.toy import REPO


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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_in_a_files_place_is_refused_before_any_work(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "page.html")
    with pytest.raises(UserError, match=r"Received: a pipe"), staged(tmp_path / "page.html"):
        pytest.fail("the work must not begin")
    assert (tmp_path / "page.html").is_fifo()


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


# --- all or nothing


@pytest.fixture(params=["in one step", "in steps"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to exchange an old output for a new one: the system's, and that of a system without."""

    def unable(*_: Path) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    if request.param == "in steps":
        monkeypatch.setattr(atomic_replace, "_exchange", unable)


def write_all(folder: Path, file: Path) -> None:
    (folder / "new.csv").write_text("new")
    file.write_text("new")


@pytest.mark.usefixtures("way")
def test_outputs_are_replaced_either_way(tmp_path: Path, old: tuple[Path, Path]) -> None:
    with staged(*old, tmp_path / "metrics/first.json") as (folder, file, first):
        write_all(folder, file)
        first.write_text("first")
    assert contents(tmp_path) == {
        "data/split/new.csv": "new",
        "metrics/split.json": "new",
        "metrics/first.json": "first",
    }


@pytest.mark.usefixtures("way")
def test_when_one_output_can_not_be_moved_all_old_ones_stay(tmp_path: Path, old: tuple[Path, Path]) -> None:
    before = contents(tmp_path)
    places = (tmp_path / "plots/first", *old, tmp_path / "metrics/never.json")
    with pytest.raises(FileNotFoundError, match=r"never\.json"), staged(*places) as (first, folder, file, never):
        write_all(folder, file)
        (first / "a.csv").write_text("new")
        assert not never.exists()  # the work forgot it
    assert contents(tmp_path) == before


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("after", [0, 1, 2], ids="after {} moves".format)
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.EACCES, "Permission denied")], ids=repr)
def test_an_error_between_two_moves_puts_the_old_ones_back(
    tmp_path: Path, old: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, after: int, error: BaseException
) -> None:
    before, swap, moves = contents(tmp_path), atomic_replace._swap, []

    def stopped(new: Path, place: Path) -> None:
        swap(new, place)
        moves.append(place)
        if len(moves) == after + 1:  # the move was made, but who made it does not hear of it
            raise error

    monkeypatch.setattr(atomic_replace, "_swap", stopped)
    with pytest.raises(type(error)), staged(tmp_path / "plots/first", *old) as (_, folder, file):
        write_all(folder, file)
    assert contents(tmp_path) == before
    assert not (tmp_path / "plots/first").exists()


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("first", [KeyboardInterrupt(), OSError(errno.EIO, "Input/output error")], ids=repr)
@pytest.mark.parametrize("at", [3, 4, 5], ids="before move {}".format)
def test_a_signal_while_old_outputs_are_put_back_does_not_stop_that(
    tmp_path: Path, old: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, first: BaseException, at: int
) -> None:
    before, swap, moves = contents(tmp_path), atomic_replace._swap, []

    def interrupted(new: Path, place: Path) -> None:
        moves.append(place)
        if len(moves) == 3:
            if isinstance(first, OSError):
                raise first
            signal.raise_signal(signal.SIGINT)
        if len(moves) == at:
            signal.raise_signal(signal.SIGINT)
        swap(new, place)

    def work() -> int:
        with staged(*old, tmp_path / "plots") as (folder, file, _):
            write_all(folder, file)
        return 0

    (tmp_path / "plots").mkdir()
    monkeypatch.setattr(atomic_replace, "_swap", interrupted)
    assert run_command("split", work) in (1, 130)
    assert len(moves) >= 5
    assert contents(tmp_path) == before
    assert not list(tmp_path.rglob("*.partial"))


def test_there_is_no_moment_without_the_output(old: tuple[Path, Path]) -> None:
    folder, stop = old[0], threading.Event()

    def look() -> int:
        looks = 0
        while not stop.is_set():
            assert folder.is_dir(), "neither the old nor the new one"
            looks += 1
        return looks

    with ThreadPoolExecutor(1) as pool:
        looks = pool.submit(look)
        for _ in range(200):
            with staged(folder) as (partial,):
                (partial / "new.csv").touch()
        stop.set()
        assert looks.result()


def test_what_a_killed_run_moved_aside_is_put_back(tmp_path: Path, old: tuple[Path, Path]) -> None:
    before = contents(tmp_path)
    old[0].rename(old[0].with_name("split.old.partial"))  # as in the middle of an exchange in steps
    with pytest.raises(ValueError, match="stop"), staged(*old):
        raise ValueError("stop")
    assert contents(tmp_path) == before


# --- alone

HOLD = """
import sys, time
from pathlib import Path
from rare_species.common.staged_files import staged
with staged(Path("data/split"), Path("metrics/split.json")):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_output_is_written_by_one_run_at_a_time_and_a_killed_one_leaves_no_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = [sys.executable, "-c", HOLD]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout and other.stdout.readline() == "held\n"
        for place in ("metrics/split.json", "data/split"):
            with pytest.raises(UserError, match=f"alone in writing {place}.*another run.*Wait"), staged(Path(place)):
                pytest.fail("the work must not begin")
        with staged(Path("metrics/train.json")) as (file,):
            file.write_text("other outputs")
        other.kill()
    with staged(Path("data/split"), Path("metrics/split.json")) as (folder, file):
        write_all(folder, file)
    assert sorted(contents(tmp_path)) == ["data/split/new.csv", "metrics/split.json", "metrics/train.json"]


def test_a_disk_without_locks_is_written_and_keeps_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", refuse)
    with staged(tmp_path / "metrics/split.json") as (file,):
        file.write_text("{}")
    assert [path.name for path in (tmp_path / "metrics").iterdir()] == ["split.json"]
