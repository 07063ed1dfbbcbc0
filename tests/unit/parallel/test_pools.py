"""rare_species.parallel.pools: the same results in the same order, however many processes or threads."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from rare_species.common.errors import UserError
from rare_species.common.read_params import load_params
from rare_species.parallel import pools
from rare_species.parallel.pools import map_in_processes, map_in_threads, process_beside
from rare_species.params.preprocess import PreprocessParams
from rare_species.preprocess import write_shards
from tests.toy import REPO

ITEMS = list(range(50))  # four chunks


def square(number: int) -> int:
    return number * number


def slow_at_first(number: int) -> int:
    if number == 0:
        time.sleep(0.5)  # later chunks are done before the first
    return number


def process_id(_: int) -> int:
    return os.getpid()


def fail_at_40(number: int) -> int:
    if number == 40:
        raise ValueError(f"no {number}")
    return number


def leave_a_mark(path: Path) -> None:
    path.touch()


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_the_same_for_any_number_of_workers(workers: int) -> None:
    assert list(map_in_processes(square, ITEMS, "square", workers)) == [number**2 for number in ITEMS]


def test_order_is_that_of_the_items_not_of_who_is_done_first() -> None:
    assert list(map_in_processes(slow_at_first, ITEMS, "wait", workers=2)) == ITEMS


def test_work_is_done_in_other_processes() -> None:
    found = set(map_in_processes(process_id, ITEMS, "work", workers=2))
    assert os.getpid() not in found
    assert 1 <= len(found) <= 2


def test_workers_do_not_import_the_script_that_runs(tmp_path: Path) -> None:
    (tmp_path / "work.py").write_text("import sys\ndef has_csv(_): return 'csv' in sys.modules\n")
    script = """
import csv
from rare_species.parallel.pools import map_in_processes
from work import has_csv
if __name__ == "__main__":
    print(set(map_in_processes(has_csv, range(50), "work", 2)))
"""
    (tmp_path / "script.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    command = [sys.executable, "-m", "script"]
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert said.stdout == "{False}\n"


@pytest.mark.parametrize(("count", "workers"), [(50, 1), (16, 8), (1, 2)])
def test_work_for_one_process_is_done_in_this_one(count: int, workers: int) -> None:
    assert set(map_in_processes(process_id, ITEMS[:count], "work", workers)) == {os.getpid()}


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_surfaces_after_the_results_before_it(workers: int) -> None:
    results = map_in_processes(fail_at_40, ITEMS, "fail", workers)
    assert [next(results) for _ in range(32)] == ITEMS[:32]
    with pytest.raises(ValueError, match="no 40"):
        list(results)


def test_nothing_is_done_before_it_is_asked_for(tmp_path: Path) -> None:
    results = map_in_processes(leave_a_mark, [tmp_path / "mark"], "mark", workers=1)
    assert not (tmp_path / "mark").exists()
    list(results)
    assert (tmp_path / "mark").exists()


def test_no_items_no_results() -> None:
    assert list(map_in_processes(square, [], "nothing", workers=2)) == []


def test_progress_is_shown_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    list(map_in_processes(square, ITEMS, "inspect", workers=1))
    assert "inspect: 100%" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_give_the_same_results_in_the_same_order(workers: int) -> None:
    assert list(map_in_threads(slow_at_first, ITEMS, workers, ahead=4)) == ITEMS


def test_threads_work_ahead_of_who_asks_but_only_so_far() -> None:
    started: list[int] = []
    results = map_in_threads(started.append, ITEMS, workers=2, ahead=4)
    for _ in range(10):
        next(results)
    deadline = time.monotonic() + 10
    while len(started) < 14 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # more would have been started by now
    assert len(started) == 14
    results.close()
    assert len(started) == 14


def test_an_error_in_a_thread_surfaces_after_the_results_before_it() -> None:
    results = map_in_threads(fail_at_40, ITEMS, workers=2, ahead=4)
    assert [next(results) for _ in range(40)] == ITEMS[:40]
    with pytest.raises(ValueError, match="no 40"):
        next(results)


HANG = """
import sys
from rare_species.common.command_line import run_command
from rare_species.common.errors import UserError
from rare_species.parallel.pools import map_in_threads
def read(path):
    print("begun", flush=True)
    return open(path).read()
def paths():
    yield "pipe"
    if sys.argv[1:]:
        raise UserError("Mend it.")
sys.exit(run_command("hang", lambda: len(list(map_in_threads(read, paths(), 2, 4))), mistake=3))
"""


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize(
    ("number", "code", "message"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "interrupted"),
        (signal.SIGHUP, 129, "interrupted"),
        (None, 3, "Mend it."),
    ],
)
def test_a_read_that_hangs_does_not_keep_a_command_from_ending(
    tmp_path: Path, number: int | None, code: int, message: str
) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = os.open(tmp_path / "pipe", os.O_RDWR)  # that never writes
    command = [sys.executable, "-c", HANG, *(["fail"] if number is None else [])]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    try:
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout
            assert process.stderr
            assert process.stdout.readline() == "begun\n"
            if number is not None:
                process.send_signal(number)
            try:
                assert process.wait(30) == code
            finally:
                process.kill()
            assert process.stderr.read() == f"hang: {message}\n"
    finally:
        os.close(writer)


def test_work_beside_is_done_in_one_other_process_in_order(tmp_path: Path) -> None:
    with process_beside() as beside:
        workers = {beside.submit(process_id, number).result() for number in range(3)}
        beside.submit(leave_a_mark, tmp_path / "left")  # nobody asks for it
    assert len(workers) == 1
    assert os.getpid() not in workers
    assert (tmp_path / "left").exists()


def test_an_error_beside_reaches_who_asks() -> None:
    with pytest.raises(ValueError, match="no 40"), process_beside() as beside:
        beside.submit(fail_at_40, 40).result()


def test_work_beside_is_dropped_on_an_error(tmp_path: Path) -> None:
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="stop"), process_beside() as beside:
        beside.submit(time.sleep, 60)
        beside.submit(leave_a_mark, tmp_path / "mark")
        raise RuntimeError("stop")
    assert time.monotonic() - start < 30
    assert not (tmp_path / "mark").exists()


def die_at_40(number: str) -> str:
    if number == "photo 40":
        os.kill(os.getpid(), signal.SIGKILL)  # as the system does when memory is full
    return number


def fill_memory_at_40(number: str) -> str:
    if number == "photo 40":
        raise MemoryError
    return number


@pytest.mark.parametrize(("function", "problem"), [(die_at_40, "ended from outside"), (fill_memory_at_40, "is full")])
def test_memory_that_is_full_is_one_message_that_names_photos_and_what_to_lower(
    function: Callable[[str], str], problem: str
) -> None:
    with pytest.raises(UserError) as error:
        list(map_in_processes(function, [f"photo {number}" for number in ITEMS], "read", workers=2))
    message = str(error.value)
    assert problem in message
    between = re.search(r"lies between photo (\d+) and photo (\d+)", message)
    assert between
    assert int(between[1]) <= 40 <= int(between[2])
    assert "memory" in message
    assert "clean.max_pixels" in message


def fail_at_photo_40(photo: tuple[str, str], treat: Callable[[int], int]) -> None:
    del treat
    fill_memory_at_40(photo[0])


@pytest.mark.parametrize("workers", [1, 2])
def test_photos_are_named_on_one_line_whatever_comes_with_them(workers: int) -> None:
    photos = [(f"photo {number}", "its checksum") for number in ITEMS]
    photos[32], photos[47] = ("first\n", ""), ("last\x1b", "")
    with pytest.raises(UserError) as error:
        list(map_in_processes(partial(fail_at_photo_40, treat=square), photos, "read", workers))
    named = {1: "worked on photo 40.", 2: r"worked on what lies between first\n and last\x1b."}
    assert named[workers] in str(error.value)


@dataclass(frozen=True)
class Sections:
    """Sections of params.yaml."""

    preprocess: PreprocessParams


def test_workers_find_what_preprocess_does_imported_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given: list[Callable[..., object]] = []

    def take(function: Callable[..., object], *_: object) -> Iterator[bytes]:
        given.append(function)
        yield from ()

    monkeypatch.setattr(write_shards, "map_in_processes", take)
    monkeypatch.setattr(write_shards, "pack", lambda _, jpegs, *__: list(jpegs))
    photos = pd.DataFrame({"file_path": ["a.jpg"], "sha256": ["0"]})
    write_shards.fit_and_pack(
        photos, tmp_path, load_params(REPO / "params.yaml", Sections).preprocess, tmp_path, workers=2
    )
    assert pools._modules(given[0]) == ["rare_species.images.fit_to_square", "rare_species.treatments.none"]


def mark_slowly(path: Path) -> None:
    time.sleep(0.02)
    path.touch()


def test_a_failure_of_who_uses_the_results_drops_what_waits(tmp_path: Path) -> None:
    marks = [tmp_path / str(number) for number in range(2_000)]  # 20 s of work
    start = time.monotonic()
    with pytest.raises(OSError, match="full"), closing(map_in_processes(mark_slowly, marks, "mark", 2)) as results:
        next(results)
        raise OSError("full")
    assert time.monotonic() - start < 15
    left = len(list(tmp_path.iterdir()))
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == left < 2_000


SLEEPERS = """
import os, sys, time
from rare_species.common.command_line import run_command
from rare_species.parallel.pools import map_in_processes, process_beside
from work import sleep
def work():
    with process_beside() as beside:
        beside.submit(sleep, "beside")
        list(map_in_processes(sleep, [str(number) for number in range(50)], "sleep", 2))
    return 0
if __name__ == "__main__":
    sys.exit(run_command("sleep", work))
"""


def alive(group: int) -> list[str]:
    """Command lines of the processes of a group that still run."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state, _, its_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append((folder / "cmdline").read_text())
        except OSError:  # it has just ended
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are listed by Linux's /proc")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_process_outlives_the_one_that_started_it(tmp_path: Path, number: int, code: int) -> None:
    (tmp_path / "work.py").write_text(
        "import time, pathlib\ndef sleep(name):\n    pathlib.Path('begun-' + name).touch()\n    time.sleep(60)\n"
    )
    (tmp_path / "script.py").write_text(SLEEPERS)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPO)])}
    command = [sys.executable, "script.py"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        until = time.monotonic() + 60
        while len(list(tmp_path.glob("begun-*"))) < 3 and time.monotonic() < until:
            time.sleep(0.02)
        assert len(alive(process.pid)) >= 5  # it, the server, two workers and the one beside; the resource tracker
        process.send_signal(number)
        assert process.wait(20) == code
        until = time.monotonic() + 10
        while alive(process.pid) and time.monotonic() < until:
            time.sleep(0.02)
        left = alive(process.pid)
        if left:
            os.killpg(process.pid, signal.SIGKILL)
        assert not left
        assert process.stderr
        said = process.stderr.read()
    assert "Traceback" not in said
    assert ("sleep: interrupted\n" in said) == (number != signal.SIGKILL)


def test_a_long_tmpdir_does_not_keep_processes_from_starting(tmp_path: Path) -> None:
    place = tmp_path / ("long" * 30)
    place.mkdir()
    (tmp_path / "work.py").write_text("def double(number): return 2 * number\n")
    script = """
from rare_species.parallel.pools import map_in_processes
from work import double
if __name__ == "__main__":
    print(sum(map_in_processes(double, range(50), "work", 2)))
"""
    (tmp_path / "script.py").write_text(script)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPO)]), "TMPDIR": str(place)}
    command = [sys.executable, "-m", "script"]
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    assert said.stdout == "2450\n"


@pytest.mark.parametrize(
    ("cores", "streams", "pool_threads"), [(1, 1, 1), (2, 2, 1), (8, 8, 1), (9, 8, 9), (64, 8, 64)]
)
def test_streams_have_a_core_each_or_share_all(
    monkeypatch: pytest.MonkeyPatch, cores: int, streams: int, pool_threads: int
) -> None:
    monkeypatch.setattr(pools, "available_cores", lambda: cores)
    assert (pools.streams(), pools.pool_threads()) == (streams, pool_threads)
