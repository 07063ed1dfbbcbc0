"""Hostile archives, with names that lead out, bombs, links, lies: `unzip` refuses each with one message, soon."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from benchmarks.campaign.attempt import Attempt, Outcome
from benchmarks.campaign.project import ARCHIVE, Project, digests

ESCAPES = (
    *("../x.jpg", "../../x.jpg", "a/../../x.jpg", "a/b/../../../x.jpg", "./../x.jpg", "a/./../../x.jpg", "..", "a/.."),
    *("/x.jpg", "//x.jpg", "/etc/x.jpg", "/tmp/x.jpg", "~/../x.jpg"),
    *("C:/x.jpg", "C:x.jpg", "c:\\x.jpg", "\\\\server\\share\\x.jpg", "//server/share/x.jpg"),
    *("..\\x.jpg", "a\\..\\..\\x.jpg", "a/..\\../x.jpg", "\\x.jpg"),
    *(
        "a\0/../x.jpg",
        "a/x.jpg\0.png",
        "a\n/../../x.jpg",
        "a/\r../x.jpg",
        "a/\x1b[2J.jpg",
        "a/\u2028x.jpg",
        "a/\x85x.jpg",
    ),
)
LINKS = ("/etc/passwd", "../../../../etc/passwd", "..", "/", "b0.jpg")
SPECIAL = {"fifo": stat.S_IFIFO, "socket": stat.S_IFSOCK, "device": stat.S_IFCHR, "disk": stat.S_IFBLK}
BOMB_BYTES = 300 << 20
MANY = 1_000_000
MOST_SECONDS, MOST_BYTES = 20.0, 2**29  # to refuse an archive
Files = Mapping[str, bytes]


def attack_unzip(project: Project) -> Iterator[Attempt]:
    """Give stage unzip each hostile archive.

    Args:
        project: in which it has run on a good one.
    """
    good = (project.folder / ARCHIVE).read_bytes()
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        photo = next(archive.read(name) for name in archive.namelist() if name.endswith(".jpg"))
    files = {f"{family}/{family}{number}.jpg": photo + bytes([number]) for family in "ab" for number in range(3)}
    for kind, attacks in _attacks(files).items():
        for name, write in attacks.items():
            (project.folder / ARCHIVE).write_bytes(write())
            before, outside = project.everything(), _outside(project)
            ended = project.stage("unzip")
            attempt = project.judge_refusal(kind, name, ended, before)
            if _outside(project) != outside:
                attempt = Attempt(kind, name, Outcome.ESCAPED, "files beside the project")
            elif ended.seconds > MOST_SECONDS or ended.peak > MOST_BYTES:
                attempt = Attempt(kind, name, Outcome.EXPENSIVE, f"{ended.seconds:.0f} s, {ended.peak >> 20} MiB")
            yield attempt
    (project.folder / ARCHIVE).write_bytes(good)
    project.stage("unzip")


def _attacks(files: Files) -> Mapping[str, Mapping[str, Callable[[], bytes]]]:
    """By kind and name, what writes the archive."""
    return {
        "path escape": {repr(name): partial(_zip, files, {name: b"x"}) for name in ESCAPES},
        "link or device": {
            **{f"link to {target}": partial(_special, files, stat.S_IFLNK, target) for target in LINKS},
            **{name: partial(_special, files, kind, "") for name, kind in SPECIAL.items()},
        },
        "bomb": {
            "one file": lambda: _zip(files, {"a/bomb.jpg": bytes(BOMB_BYTES)}),
            "overlapping files": partial(_overlapping, files),
            "declared smaller": partial(_declared, files, 10),
            "declared larger": partial(_declared, files, 10**6),
            "deep names": partial(_zip, files, {"d/" * 30_000 + "x.jpg": b"x"}),
            "many deep names": lambda: _zip(
                files, {f"{number}/" + "d/" * 2_000 + "x.jpg": b"x" for number in range(40)}
            ),
            "long name": partial(_zip, files, {"a/" + "x" * 60_000 + ".jpg": b"x"}),
            "a million files": partial(_many, MANY),
        },
        "damaged archive": {
            **{f"cut at {share:.0%}": partial(_cut, files, share) for share in (0.01, 0.1, 0.5, 0.9, 0.999)},
            **{f"byte {place:.0%} flipped": partial(_flipped, files, place) for place in (0.02, 0.3, 0.5, 0.7)},
            "encrypted": partial(_flagged, files, 0x1),
            "strongly encrypted": partial(_flagged, files, 0x41),
            "patched": partial(_flagged, files, 0x20),
            "empty": bytes,
            "no zip": partial(bytes, b"<html>not found</html>" * 100),
            "same name twice": partial(_twice, files),
            "names that meet": partial(_zip, files, {"A/a0.jpg": b"x"}),
        },
    }


def _zip(files: Files, more: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in {**files, **more}.items():
            info = zipfile.ZipInfo("x")
            info.filename = info.orig_filename = name  # the constructor would cut it at a NUL
            info.compress_type = method
            archive.writestr(info, data)
    return buffer.getvalue()


def _special(files: Files, kind: int, target: str) -> bytes:
    buffer = io.BytesIO(_zip(files, {}))
    with zipfile.ZipFile(buffer, "a") as archive:
        info = zipfile.ZipInfo("a/special.jpg")
        info.create_system, info.external_attr = 3, (kind | 0o777) << 16
        archive.writestr(info, target)
    return buffer.getvalue()


def _changed(files: Files, change: Callable[[zipfile.ZipFile], None]) -> bytes:
    """An archive whose directory is changed before it is written."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
        change(archive)
    return buffer.getvalue()


def _overlapping(files: Files) -> bytes:
    def overlap(archive: zipfile.ZipFile) -> None:
        for info in archive.filelist:
            info.header_offset = archive.filelist[0].header_offset

    return _changed(files, overlap)


def _declared(files: Files, n_bytes: int) -> bytes:
    def declare(archive: zipfile.ZipFile) -> None:
        archive.filelist[-1].file_size = n_bytes

    return _changed(files, declare)


def _flagged(files: Files, flags: int) -> bytes:
    def flag(archive: zipfile.ZipFile) -> None:
        archive.filelist[-1].flag_bits |= flags

    return _changed(files, flag)


def _twice(files: Files) -> bytes:
    def repeat(archive: zipfile.ZipFile) -> None:
        archive.filelist[-1].filename = archive.filelist[0].filename

    return _changed(files, repeat)


def _many(count: int) -> bytes:
    """A zip64 of empty files."""
    local = struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, 0, 0, 0, 0x21, 0, 0, 0, 13, 0)
    central = struct.pack("<IHHHHHHIIIHHHHH", 0x02014B50, 45, 20, 0, 0, 0, 0x21, 0, 0, 0, 13, 0, 0, 0, 0)
    names = [f"a/{number:07d}.jpg".encode() for number in range(count)]
    body = b"".join(local + name for name in names)
    step = len(local) + len(names[0])
    entries = (central + struct.pack("<II", 0, number * step) + name for number, name in enumerate(names))
    directory = b"".join(entries)
    end = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, count, count, len(directory), len(body))
    locator = struct.pack("<IIQI", 0x07064B50, 0, len(body) + len(directory), 1)
    old_end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + directory + end + locator + old_end


def _cut(files: Files, share: float) -> bytes:
    data = _zip(files, {})
    return data[: int(len(data) * share)]


def _flipped(files: Files, place: float) -> bytes:
    data = bytearray(_zip(files, {}, zipfile.ZIP_STORED))
    data[int(len(data) * place)] ^= 0xFF
    return bytes(data)


def _outside(project: Project) -> dict[str, str]:
    """What lies beside the project, where a name that leads out would write."""
    beside = [path for path in project.folder.parent.iterdir() if path not in (project.folder, _said(project))]
    there = {str(path): str(path.exists()) for path in (Path("/x.jpg"), Path("/tmp/x.jpg"), Path("/etc/x.jpg"))}
    return there | {key: digest for path in beside for key, digest in digests(path).items()}


def _said(project: Project) -> Path:
    return project.folder.parent / "said.txt"
