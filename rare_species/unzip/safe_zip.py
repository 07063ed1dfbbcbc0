"""Safe unzipping: everything the directory can tell is checked before a byte is written, the rest while streaming."""

import copy
import math
import stat
import struct
import sys
import zipfile
import zlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from tqdm import tqdm

from rare_species.common.errors import UserError
from rare_species.common.junk import is_junk
from rare_species.common.staged_files import is_special
from rare_species.common.system_errors import describe_os_error, is_refusal
from rare_species.common.terminal import printable
from rare_species.layouts.layout import name_below
from rare_species.layouts.safe_names import clash_problem, name_problem
from rare_species.unzip.central_directory import count_entries, read_names

_CHUNK_BYTES = 1 << 20
_LOCAL_HEADER_BYTES = 30
# A ratio says nothing about a small file: a few kilobytes of one colour shrink a thousandfold.
_RATIO_MIN_BYTES = 100_000
# A list of a million photos is smaller; what is larger would fill the memory before anyone could refuse it.
_IN_MEMORY_MAX_BYTES = 256 << 20
# bzip2 and LZMA are left out: zipfile inflates each chunk of them whole, so memory would not stay flat.
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# General-purpose flag bits (APPNOTE.TXT 4.4.4): 0, 6 and 13 mean encrypted, 5 a patch to another file.
_FLAG_ENCRYPTED = 0x1 | 0x40 | 0x2000
_FLAG_PATCHED = 0x20
# What zipfile raises for damaged archives; it documents BadZipFile alone.
_DAMAGE = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, UnicodeDecodeError, NotImplementedError, OSError)


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold, and how its names are read.

    Attributes:
        max_files: most files, >= 1.
        max_bytes: most bytes after unpacking, all files together.
        max_ratio: largest unpacked size over packed size, of any file that unpacks to 100 kB or more.
        name_encoding: encoding of names that are not UTF-8 and declare no encoding; "auto" refuses them.
    """

    max_files: int
    max_bytes: int
    max_ratio: float
    name_encoding: str = "auto"


@dataclass(frozen=True)
class Member:
    """One file to extract.

    Attributes:
        name: path inside the archive with "/" between folders, no "." and no "..".
        info: its entry in the zip's directory.
    """

    name: str
    info: zipfile.ZipInfo


@dataclass(frozen=True)
class Contents:
    """What a zip holds.

    Attributes:
        members: files to extract, sorted by name.
        n_junk: files passed over, see `junk.is_junk`.
        read_as: number of names by the encoding they were read in; without ASCII and what the zip itself declares.
    """

    members: list[Member]
    n_junk: int = 0
    read_as: Counter[str] = field(default_factory=Counter)


def inspect_archive(path: Path, limits: Limits) -> Contents:
    """Check all that a zip's directory tells, and list the files to extract.

    Folders and what systems leave behind (`__MACOSX/`, `.DS_Store`, ...) are passed over. Overlapping members are the
    zip bomb of Fifield (2019), "A better zip bomb".

    Args:
        path: the zip.
        limits: what it may hold.

    Raises:
        UserError: if the zip cannot be read, holds a member that is not safe to write, or is over a limit.
    """
    with _opened(path, limits) as (_, contents):
        return contents


def read_member(path: Path, name: str, limits: Limits) -> bytes:
    """Content of one file of a zip, after the same checks as `inspect_archive`.

    Args:
        path: the zip.
        name: a `Member.name`.
        limits: what the zip may hold.

    Returns:
        The bytes, as many as the directory declares, with the right CRC.

    Raises:
        UserError: as `inspect_archive`, or if the member is damaged or over 256 MiB.
        KeyError: if there is no such member.
    """
    with _opened(path, limits) as (archive, contents):
        info = {member.name: member.info for member in contents.members}[name]
        if info.file_size > _IN_MEMORY_MAX_BYTES:
            raise UserError(
                f"{printable(name)} in {printable(path)} must be at most {_IN_MEMORY_MAX_BYTES:,} bytes. "
                f"Received: {info.file_size:,}. Check that it is what its name says, and zip the photos again."
            )
        return b"".join(_chunks(archive, info))


def extract(path: Path, destination: Path, limits: Limits, root: str = "", leave_out: Collection[str] = ()) -> int:
    """Write the files below `root` into a folder, in sorted order and with that prefix removed.

    A file that is longer or shorter than declared, or has another CRC, stops the extraction; what was written before
    it stays, so extract into a temporary folder. Bytes are held to `limits.max_bytes` because no file may pass its
    declared size and the sizes' sum is checked first.

    Args:
        path: the zip.
        destination: folder to write into, made when missing; files there are never overwritten.
        limits: what the zip may hold.
        root: folder inside the archive, "" for all of it.
        leave_out: `Member.name`s not to write.

    Returns:
        Number of files written.

    Raises:
        UserError: as `inspect_archive`, or if a member is damaged or cannot be written.
    """
    with _opened(path, limits) as (archive, contents):
        chosen = [
            (target, member.info)
            for member in contents.members
            if member.name not in leave_out and (target := name_below(member.name, root))
        ]
        n_bytes = sum(info.file_size for _, info in chosen)
        shown = f"unzip {printable(path.name)}"
        with tqdm(total=n_bytes, unit="B", unit_scale=True, desc=shown, disable=None) as progress:
            for target, info in chosen:
                progress.update(_write(_chunks(archive, info), destination, target))
    return len(chosen)


@contextmanager
def _opened(path: Path, limits: Limits) -> Iterator[tuple[zipfile.ZipFile, Contents]]:
    with _open(path, limits) as archive:
        _check_overlaps(archive, path)
        found = read_names(path, archive.infolist(), limits.name_encoding)
        entries = list(zip(found.names, archive.infolist(), strict=True))
        wanted = [(name, info) for name, info in entries if not _is_passed_over(name)]
        for name, info in wanted:
            if problem := _member_problem(name, info):
                raise _refusal(path, f"{name!r}, which {problem}")
        if problem := clash_problem(name for name, _ in wanted):
            raise _refusal(path, problem)
        members = [Member(PurePosixPath(name).as_posix(), info) for name, info in wanted if not name.endswith("/")]
        _check_limits(path, members, limits)
        n_files = sum(not name.endswith("/") for name in found.names)
        yield (
            archive,
            Contents(sorted(members, key=lambda member: member.name), n_files - len(members), found.read_as),
        )


def _open(path: Path, limits: Limits) -> zipfile.ZipFile:
    if not path.exists():
        raise _not_a_zip(path, "which does not exist")
    if path.is_dir():
        raise _not_a_zip(path, "which is a folder")
    if is_special(path):
        raise _not_a_zip(path, "which is a pipe, a socket or a device")
    try:
        with path.open("rb") as file:
            begins_like_zip = file.read(2) == b"PK"
        n_entries = count_entries(path, limits.max_files)
        archive = zipfile.ZipFile(path)
    except OSError as error:
        if is_refusal(error):
            raise UserError(describe_os_error(error)) from error
        raise _not_a_zip(path, f"which cannot be read ({error.strerror})") from error
    except _DAMAGE as error:
        problem = f"which is truncated or damaged ({error})" if begins_like_zip else "which is something else"
        raise _not_a_zip(path, problem) from error
    except (MemoryError, RecursionError) as error:
        raise _not_a_zip(path, "whose directory is too large for this machine") from error
    if len(archive.infolist()) != n_entries:
        archive.close()
        raise _not_a_zip(path, "whose directory can be read in two ways")
    return archive


def _not_a_zip(path: Path, problem: str) -> UserError:
    return UserError(
        f"The archive must be a zip file. Received: {path}, {problem}. "
        "Download or copy it again, or set unzip.archive in params.yaml to another."
    )


def _refusal(path: Path, received: str) -> UserError:
    return UserError(
        f"{path} must hold plain files that can be unpacked side by side in one folder. Received: {received}. "
        "Pack the photos again with an ordinary zip program, or get the archive from a source you trust."
    )


def _check_overlaps(archive: zipfile.ZipFile, path: Path) -> None:
    end = 0
    for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise _refusal(path, f"{info.orig_filename!r}, which shares its bytes with another file or the outside")
        end = info.header_offset + _LOCAL_HEADER_BYTES + len(info.orig_filename) + info.compress_size
    if end > archive.start_dir:
        raise _refusal(path, "files whose bytes run into the zip's own directory")


def _is_passed_over(name: str) -> bool:
    """Whether an entry is junk or the archive's root; an unsafe name is neither, so that it is refused.

    macOS leaves a file `Icon` with a carriage return at its end, which is junk, though its name is unsafe.
    """
    parts = PurePosixPath(name).parts
    return name == "./" or (is_junk(parts) and name_problem(name.removesuffix("\r")) == "")


def _member_problem(name: str, info: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(info.external_attr >> 16)
    checks = (
        ((problem := name_problem(name)) != "", problem),
        (
            kind not in {0, stat.S_IFDIR if name.endswith("/") else stat.S_IFREG},
            "is a link or another special file",
        ),
        (info.flag_bits & _FLAG_ENCRYPTED != 0, "is encrypted"),
        (info.flag_bits & _FLAG_PATCHED != 0, "is a patch for another archive's file"),
        (
            info.compress_type not in _METHODS,
            f"is packed with method {info.compress_type}, neither stored (0) nor deflated (8)",
        ),
    )
    return next((problem for failed, problem in checks if failed), "")


def _check_limits(path: Path, members: Collection[Member], limits: Limits) -> None:
    n_bytes = sum(member.info.file_size for member in members)
    ratio, name = max(((_ratio(member.info), member.name) for member in members), default=(0, ""))
    for limit_name, unit, received, limit in (
        ("max_files", "files", len(members), limits.max_files),
        ("max_bytes", "bytes", n_bytes, limits.max_bytes),
        ("max_ratio", f"times the packed size of any file ({name!r} is over)", ratio, limits.max_ratio),
    ):
        if received > limit:
            raise UserError(
                f"{path} must unpack to at most {limit:,} {unit}. Received: {math.ceil(received):,}. "
                f"Raise unzip.{limit_name} in params.yaml if you trust the archive."
            )


def _ratio(info: zipfile.ZipInfo) -> float:
    return info.file_size / max(info.compress_size, 1) if info.file_size >= _RATIO_MIN_BYTES else 0


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    # zipfile silently stops at the declared size; with this one it reads on, so that a longer member shows.
    unbounded = copy.copy(info)
    unbounded.file_size = sys.maxsize
    n_read = 0
    try:
        with archive.open(unbounded) as source:
            while n_read <= info.file_size and (chunk := source.read(_CHUNK_BYTES)):
                n_read += len(chunk)
                if n_read <= info.file_size:
                    yield chunk
    except _DAMAGE as error:
        raise _damaged(archive, info, str(error)) from error
    if n_read != info.file_size:
        longer_or_shorter = "more" if n_read > info.file_size else "fewer"
        raise _damaged(archive, info, f"{longer_or_shorter} than the {info.file_size:,} bytes its directory declares")


def _damaged(archive: zipfile.ZipFile, info: zipfile.ZipInfo, problem: str) -> UserError:
    return UserError(
        f"Every file in {archive.filename} must be whole. Received: {info.orig_filename!r} damaged: {problem}. "
        "Download or copy the archive again."
    )


def _write(chunks: Iterable[bytes], destination: Path, name: str) -> int:
    target = destination / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            n_bytes = sum(file.write(chunk) for chunk in chunks)
        # Whatever mode the archive asks for, a photo is not a program.
        target.chmod(0o644)
    except OSError as error:
        raise UserError(f"Expected to unpack {name!r}. Received: {describe_os_error(error)}") from error
    return n_bytes
