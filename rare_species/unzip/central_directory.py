"""A zip's directory, read before zipfile builds an object for each entry: how many there are, and their names' size."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zipfile import ZipInfo

from rare_species.common.errors import UserError
from rare_species.common.junk import is_junk

# A path of more bytes, or more folders deep, is no photo's; a whole path has 4,096 bytes at most on Linux.
_MAX_NAME_BYTES = 2_048
_MAX_DEPTH = 64
# A Mac adds a companion to each file, and some programs an entry for each folder.
_ENTRIES_PER_FILE = 4
_ENTRIES_BESIDE = 1_000

# Records of APPNOTE.TXT: 4.3.16 the end of the directory, 4.3.14 and 4.3.15 the same for zip64, 4.3.12 an entry.
_END = struct.Struct("<4s4H2LH")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64 = struct.Struct("<4sLQL")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_MAX_COMMENT_BYTES = 1 << 16
_FLAG_UTF8 = 0x800
_UNICODE_PATH = 0x7075  # Info-ZIP's extra field, APPNOTE.TXT 4.6.9


class _Directory(NamedTuple):
    start: int
    n_bytes: int
    n_entries: int


@dataclass(frozen=True)
class Names:
    """Names of a zip's entries.

    Attributes:
        names: one per entry, in order.
        read_as: number of names by the encoding they were read in; without ASCII and what the zip itself declares.
    """

    names: list[str]
    read_as: Counter[str]


def count_entries(path: Path, max_files: int) -> int:
    """Count a zip's entries and look at the size of their names, in little memory.

    Args:
        path: the file.
        max_files: most files, not counting junk and folders, of which there may be several times as many.

    Returns:
        Number of entries; 0 when no directory is found, for which zipfile raises its own error.

    Raises:
        UserError: for too many entries, or a name that is too long or too many folders deep.
    """
    n_files = n_entries = 0
    with path.open("rb") as file:
        directory = _find_directory(file)
        for name in _entry_names(file, directory):
            n_entries += 1
            if len(name) > _MAX_NAME_BYTES or name.count(b"/") > _MAX_DEPTH:
                raise UserError(
                    f"Names in {path} must have at most {_MAX_NAME_BYTES:,} bytes and lie at most {_MAX_DEPTH} folders "
                    f"deep. Received: one of {len(name):,} bytes, {name.count(b'/'):,} deep, beginning {name[:40]!r}. "
                    "Pack the photos again in fewer folders."
                )
            # Names of junk are ASCII, which is the same in all encodings that zips use.
            n_files += not name.endswith(b"/") and not is_junk(name.decode("latin-1").split("/"))
            if n_files > max_files or n_entries > _ENTRIES_PER_FILE * max_files + _ENTRIES_BESIDE:
                raise UserError(
                    f"{path} must unpack to at most {max_files:,} files. Received: "
                    f"{max(directory.n_entries, n_entries):,}. Raise unzip.max_files in params.yaml if you trust the "
                    "archive."
                )
    return n_entries


def read_names(path: Path, infos: Sequence[ZipInfo], encoding: str) -> Names:
    """Decode the names of a zip's entries.

    A valid Info-ZIP Unicode Path field decides, then the flag for UTF-8. All names that have neither and that the same
    kind of system packed share one encoding: UTF-8 if it decodes all of them, else `encoding`.

    Args:
        path: the zip, for messages.
        infos: entries as zipfile read them, names without the flag as cp437.
        encoding: a Python codec, or "auto" for none.

    Raises:
        UserError: when names can't be decoded.
    """
    names = [_declared_name(info) for info in infos]
    read_as = Counter(
        "the Unicode Path field"
        for name, info in zip(names, infos, strict=True)
        if name is not None and name != info.orig_filename
    )
    undeclared = [place for place, name in enumerate(names) if name is None]
    for system in sorted({infos[place].create_system for place in undeclared}):
        places = [place for place in undeclared if infos[place].create_system == system]
        raws = [_raw_name(infos[place]) for place in places]
        used, decoded = _decode_alike(path, raws, encoding)
        read_as[used] += len(raws)
        for place, name in zip(places, decoded, strict=True):
            names[place] = name
    return Names([name or "" for name in names], read_as)


def _find_directory(file: BinaryIO) -> _Directory:
    """As zipfile finds it: the last end record, and before it, where there is one, that of zip64."""
    size = file.seek(0, 2)
    tail_start = max(size - _END.size - _MAX_COMMENT_BYTES, 0)
    file.seek(tail_start)
    tail = file.read()
    plain = len(tail) - _END.size
    is_plain = plain >= 0 and tail[plain : plain + 4] == b"PK\5\6" and tail.endswith(b"\0\0")
    place = plain if is_plain else tail.rfind(b"PK\5\6")
    if place < 0 or place + _END.size > len(tail):
        return _Directory(0, 0, 0)
    *_, n_entries, n_bytes, _, _ = _END.unpack_from(tail, place)
    end = tail_start + place
    before = end - _LOCATOR_64.size - _END_64.size
    if before >= 0:
        file.seek(before)
        record, locator = file.read(_END_64.size), file.read(_LOCATOR_64.size)
        if locator.startswith(b"PK\6\7") and record.startswith(b"PK\6\6"):
            *_, n_entries, n_bytes, _ = _END_64.unpack(record)
            end = before
    return _Directory(max(end - n_bytes, 0), n_bytes, n_entries)


def _entry_names(file: BinaryIO, directory: _Directory) -> Iterator[bytes]:
    file.seek(directory.start)
    left = directory.n_bytes
    while left > 0:
        entry = file.read(_ENTRY.size)
        if len(entry) < _ENTRY.size or not entry.startswith(b"PK\1\2"):
            return
        n_name, n_extra, n_comment = _ENTRY.unpack(entry)[10:13]
        yield file.read(n_name)
        file.seek(n_extra + n_comment, 1)
        left -= _ENTRY.size + n_name + n_extra + n_comment


def _raw_name(info: ZipInfo) -> bytes:
    return info.orig_filename.encode("utf-8" if info.flag_bits & _FLAG_UTF8 else "cp437")


def _declared_name(info: ZipInfo) -> str | None:
    """The name if the zip declares its encoding or it is ASCII; else None."""
    unicode_path = _unicode_path(info)
    if unicode_path is not None:
        return unicode_path
    return info.orig_filename if info.flag_bits & _FLAG_UTF8 or info.orig_filename.isascii() else None


def _unicode_path(info: ZipInfo) -> str | None:
    extra = info.extra
    while len(extra) >= 4:
        field, n_bytes = struct.unpack_from("<HH", extra)
        data, extra = extra[4 : 4 + n_bytes], extra[4 + n_bytes :]
        # Version 1, then the CRC of the name that it replaces. With another CRC, the entry was renamed since.
        if field == _UNICODE_PATH and data[:5] == struct.pack("<BL", 1, zlib.crc32(_raw_name(info))):
            try:
                return data[5:].decode("utf-8")
            except UnicodeDecodeError:
                return None
    return None


def _decode_alike(path: Path, raws: Sequence[bytes], encoding: str) -> tuple[str, list[str]]:
    try:
        return "utf-8", [raw.decode("utf-8") for raw in raws]
    except UnicodeDecodeError as error:
        unlike = error.object
    if encoding == "auto":
        raise UserError(
            f"Names in {path} must be in UTF-8, or say how they are written. Received: {ascii(unlike)[1:]} and others, "
            f"{len(raws):,} names in all. Pack the photos again with UTF-8 names, or set unzip.name_encoding "
            "in params.yaml to how they are written: cp437 or cp1252 (Western Europe), shift_jis, gbk, big5, euc_kr, "
            "cp1251 (Cyrillic)."
        )
    try:
        return encoding, [raw.decode(encoding) for raw in raws]
    except UnicodeError as error:
        raise UserError(
            f"Names in {path} must be as unzip.name_encoding says: {encoding}. Received: {error}. Set it to another."
        ) from error
