"""SHA-256 of what a stage wrote, in a list beside it that `sha256sum --check SHA256SUMS` reads too."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from rare_species.common.errors import UserError
from rare_species.common.files import refuse_special

LIST_NAME = "SHA256SUMS"
_LINE = re.compile(r"(?P<digest>[0-9a-f]{64})  (?P<name>[^\r\n]+)")


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def write_checksums(folder: Path, *names: str, beside: Mapping[str, Path] | None = None) -> None:
    """List the SHA-256 of files below a folder; call it when they are complete.

    Args:
        folder: where the list goes; an older one is replaced.
        names: paths relative to it; none for all files below it.
        beside: files elsewhere that belong to them, by the path under which they will lie relative to the folder.
    """
    inside = {name: folder / name for name in names or _names_below(folder)}
    listed = sorted({**inside, **(beside or {})}.items())
    lines = [f"{file_digest(file)}  {name}\n" for name, file in listed]
    (folder / LIST_NAME).write_text("".join(lines), encoding="utf-8")


def read_checksums(folder: Path) -> dict[str, str]:
    """SHA-256 by path relative to the folder, as its list says.

    Raises:
        UserError: when there is no list, or it is damaged.
    """
    path = folder / LIST_NAME
    require_file(path)
    return parse_checksums(path.read_bytes(), str(path), restore(path))


def parse_checksums(data: bytes, source: str, what_to_do: str) -> dict[str, str]:
    """SHA-256 by path relative to the list's folder.

    Args:
        data: the list.
        source: what to call it in a message.
        what_to_do: the last sentence of that.

    Raises:
        UserError: when it is damaged.
    """
    *lines, rest = data.decode("utf-8", "replace").split("\n")
    matches = [match for line in lines if (match := _LINE.fullmatch(line))]
    listed = {match["name"]: match["digest"] for match in matches}
    if not lines or rest or len(listed) < len(lines):
        raise UserError(
            f"Expected lines of a SHA-256, two spaces and a path, each another, in {source}. Received: another text. "
            f"{what_to_do}"
        )
    return listed


def check_files(folder: Path, *names: str) -> None:
    """See that files are those that their stage wrote.

    Args:
        folder: that holds the list.
        names: paths relative to it; none for all that are listed.

    Raises:
        UserError: when one is missing, not listed or has other bytes; it names the first.
    """
    for name in names:  # the list may be gone with them, which says less
        require_file(_file_of(folder, name))
    listed = read_checksums(folder)
    for name in names or listed:
        file = _file_of(folder, name)
        require_file(file)
        compare_digests(file_digest(file), listed.get(name), str(file), str(folder / LIST_NAME), restore(file))


def compare_digests(found: str, listed: str | None, shown: str, source: str, what_to_do: str) -> None:
    """See that a file has the SHA-256 that is listed.

    Args:
        found: its SHA-256.
        listed: that of the list; None where it is not listed.
        shown: what to call the file in a message.
        source: likewise the list.
        what_to_do: the last sentence of the message.

    Raises:
        UserError: when it has not.
    """
    if found != listed:
        received = "other bytes" if listed else "a file that is not listed"
        raise UserError(f"Expected {shown} as its stage wrote it, see {source}. Received: {received}. {what_to_do}")


def _file_of(folder: Path, name: str) -> Path:
    return Path(os.path.normpath(folder / name))  # files beside the folder go by their own name


def _names_below(folder: Path) -> list[str]:
    files = (file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file())
    return [name for name in files if name != LIST_NAME]


def require_file(path: Path) -> None:
    """See that a file is there which a stage writes.

    Raises:
        UserError: when it is not.
    """
    refuse_special(path)
    if not path.is_file():
        raise UserError(f"Expected {path}. Received: no such file. Run the stage that writes it first: dvc repro.")


def restore(path: Path) -> str:
    """What a person can do about a file that is not as its stage wrote it."""
    in_git = {"metrics", "plots"} & set(path.parts)  # DVC keeps all others
    command = f"git checkout HEAD -- {path}" if in_git else "dvc checkout"
    return f"Bring it back with {command}, or remove it and run dvc repro."
