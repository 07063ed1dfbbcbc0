"""Checksums: each folder that a stage writes has a SHA256SUMS, which `sha256sum --check SHA256SUMS` reads too."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from rare_species.common.errors import UserError
from rare_species.common.staged_files import refuse_special

LIST_NAME = "SHA256SUMS"
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^\r\n]+)")


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the digest of a file, in hexadecimal; `algorithm` is a name that hashlib knows."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def write_checksums(folder: Path, *names: str, beside: Mapping[str, Path] | None = None) -> None:
    """Write SHA256SUMS for the files below a folder; call it when they are complete.

    Args:
        folder: the folder; an older list in it is replaced.
        names: paths of files, relative to the folder; all files below it when none are given.
        beside: files elsewhere that belong to the folder, by the path that they will have relative to it.
    """
    inside = {name: folder / name for name in names or _names_below(folder)}
    listed = sorted({**inside, **(beside or {})}.items())
    lines = [f"{file_digest(file)}  {name}\n" for name, file in listed]
    (folder / LIST_NAME).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """Read a folder's SHA256SUMS.

    Returns:
        SHA-256 by path relative to the folder.

    Raises:
        UserError: when there is no list, or it is damaged.
    """
    path = folder / LIST_NAME
    require_file(path)
    return parse_checksums(path.read_bytes(), str(path), restore(path))


def parse_checksums(data: bytes, source: str, what_to_do: str) -> dict[str, str]:
    """Parse the bytes of a SHA256SUMS.

    Args:
        data: the bytes.
        source: the list's name in error messages.
        what_to_do: the last sentence of the error message.

    Returns:
        SHA-256 by path relative to the list's folder.

    Raises:
        UserError: when the list is damaged.
    """
    *lines, rest = data.decode("utf-8", "replace").split("\n")
    matches = [match for line in lines if (match := _LINE.fullmatch(line))]
    listed = {match["name"]: match["digest"] for match in matches}
    if not lines or rest or len(listed) < len(lines):
        raise UserError(
            f"Expected each line of {source} to be a SHA-256, two spaces and a path that no other line has. Received: "
            f"another text. "
            f"{what_to_do}"
        )
    return listed


def check_files(folder: Path, *names: str) -> None:
    """Check that files have the bytes that their stage wrote.

    Args:
        folder: the folder with the SHA256SUMS.
        names: paths relative to the folder; all listed files when none are given.

    Raises:
        UserError: when a file is missing, not listed or changed; the message names the first one.
    """
    for name in names:  # a missing file is a better message than a missing list
        require_file(_file_of(folder, name))
    listed = read_checksums(folder)
    for name in names or listed:
        file = _file_of(folder, name)
        require_file(file)
        compare_digests(file_digest(file), listed.get(name), str(file), str(folder / LIST_NAME), restore(file))


def compare_digests(found: str, listed: str | None, shown: str, source: str, what_to_do: str) -> None:
    """Compare a file's SHA-256 with the listed one.

    Args:
        found: SHA-256 of the file.
        listed: SHA-256 in the list; None when the file is not listed.
        shown: the file's name in the error message.
        source: the list's name in the error message.
        what_to_do: the last sentence of the error message.

    Raises:
        UserError: when they differ.
    """
    if found != listed:
        received = "other bytes" if listed else "a file that is not listed"
        raise UserError(f"Expected {shown} as its stage wrote it, see {source}. Received: {received}. {what_to_do}")


def _file_of(folder: Path, name: str) -> Path:
    return Path(os.path.normpath(folder / name))  # messages name files beside the folder without the detour


def _names_below(folder: Path) -> list[str]:
    files = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return [name for name in files if name != LIST_NAME]


def require_file(path: Path) -> None:
    """Check that a file which a stage writes exists.

    Raises:
        UserError: when it does not.
    """
    refuse_special(path)
    if not path.is_file():
        raise UserError(f"Expected {path}. Received: no such file. Run the stage that writes it first: dvc repro.")


def restore(path: Path) -> str:
    """Say how to restore a file that is missing or changed."""
    in_git = {"metrics", "plots"} & set(path.parts)  # DVC keeps all others
    command = f"git checkout HEAD -- {path}" if in_git else "dvc checkout"
    return f"Bring it back with {command}, or remove it and run dvc repro."
