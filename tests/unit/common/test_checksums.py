"""rare_species.common.checksums: what changed, is missing or was never listed is named; sha256sum reads it."""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rare_species.common.checksums import LIST_NAME, check_files, file_digest, read_checksums, restore, write_checksums
from rare_species.common.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two files, one of them in a folder, and their list."""
    written = tmp_path / "written"
    (written / "sub").mkdir(parents=True)
    (written / "b.txt").write_bytes(b"b")
    (written / "sub/日 本.txt").write_bytes(b"")
    write_checksums(written)
    return written


def test_the_list_is_sorted_and_as_sha256sum_writes_it(folder: Path) -> None:
    expected = f"{hashlib.sha256(b'b').hexdigest()}  b.txt\n{hashlib.sha256(b'').hexdigest()}  sub/日 本.txt\n"
    assert (folder / LIST_NAME).read_text(encoding="utf-8") == expected
    if shutil.which("sha256sum"):
        subprocess.run(["sha256sum", "--check", "--strict", LIST_NAME], cwd=folder, check=True, capture_output=True)


def test_written_again_the_list_is_the_same_and_not_of_itself(folder: Path) -> None:
    before = (folder / LIST_NAME).read_bytes()
    write_checksums(folder)
    assert (folder / LIST_NAME).read_bytes() == before


def test_named_files_alone_are_listed_and_others_from_beside(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_bytes(b"c")
    write_checksums(folder, "b.txt", beside={"../c.txt": tmp_path / "c.txt"})
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in (("b.txt", b"b"), ("../c.txt", b"c"))}
    assert read_checksums(folder) == digests
    check_files(folder)
    (tmp_path / "c.txt").write_bytes(b"d")
    with pytest.raises(UserError, match=rf"Expected {re.escape(str(tmp_path / 'c.txt'))} as its stage wrote it"):
        check_files(folder)


def test_unchanged_files_pass(folder: Path) -> None:
    check_files(folder)
    check_files(folder, "b.txt")


def test_other_bytes_are_named_with_the_list_and_what_to_do(folder: Path) -> None:
    (folder / "b.txt").write_bytes(b"c")
    check_files(folder, "sub/日 本.txt")
    for names in ((), ("b.txt",)):
        with pytest.raises(UserError, match=r"Expected .*b\.txt as .*SHA256SUMS\. Received: other bytes\. .*dvc"):
            check_files(folder, *names)


def test_a_device_in_a_files_place_is_named(folder: Path) -> None:
    (folder / "b.txt").unlink()
    (folder / "b.txt").symlink_to(os.devnull)
    with pytest.raises(UserError, match=r"Expected a file at .*b\.txt\. Received: a pipe, a socket or a device\."):
        check_files(folder)


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "b.txt").unlink()
    with pytest.raises(UserError, match=r"Expected .*b\.txt\. Received: no such file\. .*dvc repro"):
        check_files(folder)


def test_a_file_that_is_not_listed_is_refused(folder: Path) -> None:
    (folder / "new.txt").write_bytes(b"")
    with pytest.raises(UserError, match=r"new\.txt as .*Received: a file that is not listed"):
        check_files(folder, "new.txt")


@pytest.mark.parametrize("data", [b"", b"\xff\x00", b"0123  b.txt\n", b"<html>\n"])
def test_a_damaged_list_is_named(folder: Path, data: bytes) -> None:
    (folder / LIST_NAME).write_bytes(data)
    with pytest.raises(UserError, match=r"each line of .*SHA256SUMS to be a SHA-256.*Received: another text"):
        check_files(folder)


def test_a_list_that_names_a_file_twice_is_refused(folder: Path) -> None:
    (folder / LIST_NAME).write_bytes((folder / LIST_NAME).read_bytes() * 2)
    with pytest.raises(UserError, match=r"each line of .*SHA256SUMS to be a SHA-256.*Received: another text"):
        check_files(folder)


def test_of_a_file_and_its_list_that_are_both_missing_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Expected .*b\.txt\. Received: no such file"):
        check_files(tmp_path, "b.txt")


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("metrics/evaluate.json", "git checkout HEAD -- metrics/evaluate.json"),
        ("plots/tune/curves.png", "git checkout HEAD -- plots/tune/curves.png"),
        ("models/champion/model.keras", "dvc checkout"),
        ("data/split/split.csv", "dvc checkout"),
    ],
)
def test_what_git_keeps_is_brought_back_with_git_and_the_rest_with_dvc(file: str, command: str) -> None:
    assert restore(Path(file)) == f"Bring it back with {command}, or remove it and run dvc repro."


def test_a_missing_list_is_named(folder: Path) -> None:
    (folder / LIST_NAME).unlink()
    with pytest.raises(UserError, match=r"SHA256SUMS\. Received: no such file"):
        check_files(folder)


def test_digest_of_any_kind(folder: Path) -> None:
    assert file_digest(folder / "b.txt", "md5") == hashlib.md5(b"b").hexdigest()
