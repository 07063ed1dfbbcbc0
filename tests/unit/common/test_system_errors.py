"""rare_species.common.system_errors: the message fits what the system refused."""

import errno
import os
import subprocess
import sys
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from rare_species.common.errors import UserError
from rare_species.common.system_errors import describe_failure, describe_os_error, out_of_memory

MEMORY = "clean.max_pixels"


def refused(number: int, name: str = "data/clean.partial/manifest.csv") -> str:
    return describe_os_error(OSError(number, os.strerror(number), name))


@pytest.mark.parametrize(
    ("number", "problem", "advice"),
    [
        (errno.ENOSPC, "the disk is full", "Free some space"),
        (errno.EDQUOT, "your share of the disk is full", "ask for more"),
        (errno.EFBIG, "larger than the disk or this session", "Raise the limit"),
        (errno.ENAMETOOLONG, "a name that is too long", "Shorten it"),
        (errno.EACCES, "no permission", "Mend the permissions"),
        (errno.EPERM, "no permission", "Mend the permissions"),
        (errno.EROFS, "can only be read", "another disk"),
        (errno.EMFILE, "so many other files", "ulimit -n"),
        (errno.EISDIR, "is a folder where a file was expected", "Move it away"),
        (errno.ENOTDIR, "below a file where a folder was expected", "Move that file away"),
        (errno.EEXIST, "was there already", "Move it away"),
        (errno.EIO, "the disk itself failed", "Check the disk"),
        (errno.ETXTBSY, "in use by another program", "Close that program"),
        (errno.EBUSY, "in use by another program", "Close that program"),
        (errno.ESTALE, "did not answer", "Check the connection"),
    ],
)
def test_each_refusal_has_its_own_words_and_advice(number: int, problem: str, advice: str) -> None:
    message = refused(number)
    assert message.startswith("data/clean.partial/manifest.csv ")
    assert problem in message
    assert os.strerror(number) in message
    assert advice in message
    assert ("Free" in message) == (number in (errno.ENOSPC, errno.EDQUOT))
    assert message.endswith("run again.")


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("data/labels/listing.csv", "Run the stage that writes it first: dvc repro."),
        ("models/champion/classes.json", "Run the stage that writes it first: dvc repro."),
        ("metrics/evaluate.json", "Run the stage that writes it first: dvc repro."),
        ("data/clean.partial/manifest.csv", "Another program removed it while it was written. Run again."),
        ("metrics/clean.json.partial", "Another program removed it while it was written. Run again."),
        (f"{sys.prefix}/lib/weights.pth", "It belongs to the installed packages. Remove .venv"),
        ("photos/lion.jpg", "Mend the path, or put the file there"),
        ("git", "Mend the path, or put the file there"),
    ],
)
def test_what_is_missing_is_advised_by_where_it_belongs(name: str, advice: str) -> None:
    message = refused(errno.ENOENT, name)
    assert message.startswith(f"Expected a file at {name}. Received: nothing there. ")
    assert advice in message


def test_a_program_that_is_missing_is_to_be_installed() -> None:
    with pytest.raises(FileNotFoundError) as missing:
        subprocess.run(["no-such-program"], check=False)
    message = "Expected the program no-such-program. Received: no such program. Install it, and run again."
    assert describe_failure(missing.value) == message
    with pytest.raises(FileNotFoundError) as missing:
        subprocess.run(["./no-such-program"], check=False)
    assert "Expected a file at no-such-program." in str(describe_failure(missing.value))


@pytest.mark.parametrize("linux", [True, False])
def test_one_core_is_advised_where_one_can_be_chosen(monkeypatch: pytest.MonkeyPatch, linux: bool) -> None:
    if linux:
        monkeypatch.setattr(os, "sched_getaffinity", len, raising=False)
    else:
        monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    assert ("taskset" in out_of_memory("The memory is full.")) == linux


def test_outputs_are_known_by_their_absolute_paths_too() -> None:
    assert "dvc repro" in refused(errno.ENOENT, str(Path("data/split/split.csv").absolute()))


def test_a_name_is_shown_on_one_line_and_not_whole_when_it_is_long() -> None:
    message = refused(errno.ENAMETOOLONG, "a" * 5_000 + "\n\x1b[31m.jpg")
    assert len(message) < 400
    assert message.isprintable()


def test_a_refusal_without_number_or_name_is_told_as_it_is() -> None:
    assert describe_os_error(OSError("cannot read the tar")) == "Could not read or write a file: cannot read the tar."
    assert "Free some space" in describe_os_error(OSError(errno.ENOSPC, "No space left on device"))


class ResourceExhaustedError(Exception):
    """As TensorFlow's."""


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (UserError("Mend it."), "Mend it."),
        (MemoryError(), MEMORY),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), MEMORY),
        (BrokenProcessPool("A process was terminated abruptly"), MEMORY),
        (ResourceExhaustedError("OOM when allocating tensor"), MEMORY),
        (RecursionError("maximum recursion depth exceeded"), "nested so deep"),
        (UnicodeEncodeError("latin-1", "日.jpg", 0, 1, "ordinal not in range"), "LC_ALL=C.UTF-8"),
    ],
)
def test_what_a_person_can_mend_is_one_message(error: Exception, part: str) -> None:
    message = describe_failure(error)
    assert message
    assert part in message
    assert "\n" not in message


@pytest.mark.parametrize("error", [ZeroDivisionError(), KeyError("a"), UnicodeEncodeError("utf-8", "\ud800", 0, 1, "")])
def test_a_defect_is_none(error: Exception) -> None:
    assert describe_failure(error) is None
