"""rare_species.unzip.central_directory: names come out as written, a directory is measured before it is built."""

import struct
import time
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from rare_species.common.errors import UserError
from rare_species.unzip.central_directory import count_entries
from rare_species.unzip.safe_zip import Limits, extract, inspect_archive

ROOMY = Limits(max_files=1_000, max_bytes=10**9, max_ratio=100_000)
DOS, UNIX = 0, 3


def no_extra(_: bytes) -> bytes:
    return b""


def pack(
    path: Path,
    names: Mapping[bytes, int],
    extra: Callable[[bytes], bytes] = no_extra,
    declared: int | None = None,
    flag: int = 0,
) -> Path:
    """A stored zip of empty files with these names as bytes, each with the number of the system that packed it."""
    body, directory = b"", b""
    for raw, system in names.items():
        more = extra(raw)
        head = struct.pack("<4HL2L2H", flag, 0, 0, 0x5000, 0, 0, 0, len(raw), len(more))
        directory += struct.pack("<L2H", 0x02014B50, system << 8 | 20, 20) + head
        directory += struct.pack("<3H2L", 0, 0, 0, 0, len(body)) + raw + more
        body += struct.pack("<LH", 0x04034B50, 20) + head + raw + more
    count = min(len(names) if declared is None else declared, 0xFFFF)
    end = struct.pack("<L4H2LH", 0x06054B50, 0, 0, count, count, len(directory), len(body), 0)
    path.write_bytes(body + directory + end)
    return path


def unicode_path(name: str) -> Callable[[bytes], bytes]:
    def extra(raw: bytes) -> bytes:
        data = struct.pack("<BL", 1, zlib.crc32(raw)) + name.encode()
        return b"UT\5\0\1" + bytes(4) + struct.pack("<HH", 0x7075, len(data)) + data

    return extra


def names_of(path: Path, encoding: str = "auto") -> list[str]:
    limits = Limits(ROOMY.max_files, ROOMY.max_bytes, ROOMY.max_ratio, encoding)
    contents = inspect_archive(path, limits)
    names = [member.name for member in contents.members]
    out = path.parent / "out"
    assert extract(path, out, limits) == len(names)
    assert sorted(file.relative_to(out).as_posix() for file in out.rglob("*") if file.is_file()) == names
    return names


# --- names


@pytest.mark.parametrize("system", [DOS, UNIX])
def test_utf8_without_its_flag(tmp_path: Path, system: int) -> None:
    path = pack(tmp_path / "z.zip", {"ñandú/a.jpg".encode(): system, b"zorro/a.jpg": system})
    assert names_of(path) == ["zorro/a.jpg", "ñandú/a.jpg"]
    assert inspect_archive(path, ROOMY).read_as == {"utf-8": 1}


def test_names_that_declare_themselves_are_no_news(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", {"é.jpg".encode(): UNIX, b"a.jpg": UNIX}, flag=0x800)
    assert names_of(path) == ["a.jpg", "é.jpg"]
    assert not inspect_archive(path, ROOMY).read_as


def test_unicode_path_of_the_name(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", {"キツネ.jpg".encode("shift_jis"): DOS}, unicode_path("キツネ.jpg"))
    assert names_of(path) == ["キツネ.jpg"]
    assert inspect_archive(path, ROOMY).read_as == {"the Unicode Path field": 1}


def test_unicode_path_of_another_name_does_not_count(tmp_path: Path) -> None:
    other = unicode_path("old.jpg")(b"old.jpg")
    path = pack(tmp_path / "z.zip", {"ñ.jpg".encode(): DOS}, lambda _: other)
    assert names_of(path) == ["ñ.jpg"]


def test_unicode_path_is_held_to_the_rules_of_names(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", {b"a.jpg": DOS}, unicode_path("../a.jpg"))
    with pytest.raises(UserError, match="leads out of its folder"):
        inspect_archive(path, ROOMY)


@pytest.mark.parametrize("extra", [b"\x75", b"\x75\x70\xff\xff", b"\x75\x70\0\0"])
def test_a_torn_extra_field_is_no_traceback(tmp_path: Path, extra: bytes) -> None:
    path = pack(tmp_path / "z.zip", {"ñ.jpg".encode(): DOS}, lambda _: extra)
    try:
        assert names_of(path) == ["ñ.jpg"]
    except UserError as error:
        assert "truncated or damaged" in str(error)


def test_other_names_are_refused_or_read_as_the_parameter_says(tmp_path: Path) -> None:
    raw = {
        "キツネ/表.jpg".encode("shift_jis"): DOS,
        "クマ/a.jpg".encode("shift_jis"): DOS,
    }  # 表 holds a backslash's byte
    path = pack(tmp_path / "z.zip", raw)
    with pytest.raises(UserError, match=r"must be in UTF-8, or say.* 2 names in all.*unzip\.name_encoding.*shift_jis"):
        inspect_archive(path, ROOMY)
    assert names_of(path, "shift_jis") == ["キツネ/表.jpg", "クマ/a.jpg"]
    with pytest.raises(UserError, match=r"must be as unzip\.name_encoding says: ascii"):
        inspect_archive(path, Limits(9, 9, 9, "ascii"))


def test_what_one_system_packed_is_in_one_encoding(tmp_path: Path) -> None:
    """b"\xc4\xa3" is UTF-8 too, by chance, but the names beside it are not."""
    chance = "模".encode("gbk")
    assert chance.decode("utf-8")
    path = pack(tmp_path / "z.zip", {chance + b".jpg": DOS, "狐狸.jpg".encode("gbk"): DOS, "ñ.jpg".encode(): UNIX})
    assert names_of(path, "gbk") == ["ñ.jpg", "模.jpg", "狐狸.jpg"]


# --- size


def test_a_million_members_are_refused_before_they_are_objects(tmp_path: Path) -> None:
    entry = struct.pack("<L6H3L5H2L", 0x02014B50, 20, 20, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0) + b"a.jpg"
    count = 1_000_000
    end = struct.pack("<LQ2H2L4Q", 0x06064B50, 44, 45, 45, 0, 0, count, count, count * len(entry), 0)
    end += struct.pack("<LLQL", 0x07064B50, 0, count * len(entry), 1)
    end += struct.pack("<L4H2LH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = tmp_path / "z.zip"
    path.write_bytes(entry * count + end)
    tracemalloc.start()
    start = time.monotonic()
    with pytest.raises(UserError, match=r"at most 1,000 files\. Received: 1,000,000\. Raise unzip\.max_files"):
        inspect_archive(path, ROOMY)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - start < 5
    assert peak_bytes < 4 << 20


@pytest.mark.parametrize("name", [b"%d/", b"__MACOSX/._%d"])
def test_folders_and_junk_are_bounded_too(tmp_path: Path, name: bytes) -> None:
    path = pack(tmp_path / "z.zip", {name % number: UNIX for number in range(1_100)})
    assert count_entries(path, 25) == 1_100
    with pytest.raises(UserError, match=r"at most 24 files\. Received: 1,100\."):
        inspect_archive(path, Limits(24, 10**6, 100))


@pytest.mark.parametrize("name", [b"a/" * 30_000 + b"x.jpg", b"a" * 60_000, b"a/" * 65 + b"x.jpg"])
def test_nested_folders_and_huge_names(tmp_path: Path, name: bytes) -> None:
    path = pack(tmp_path / "z.zip", {name: UNIX})
    tracemalloc.start()
    with pytest.raises(UserError, match=r"at most 2,048 bytes and lie at most 64 folders deep"):
        inspect_archive(path, ROOMY)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 4 << 20


def test_deep_folders_take_memory_in_proportion(tmp_path: Path) -> None:
    names = {b"/".join([b"%06d" % number] * 64) + b"/x.jpg": UNIX for number in range(200)}
    path = pack(tmp_path / "z.zip", names)
    tracemalloc.start()
    assert len(inspect_archive(path, ROOMY).members) == 200
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 100 * sum(map(len, names))


def test_a_name_that_no_disk_takes(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", {b"a" * 256 + b"/x.jpg": UNIX})
    with pytest.raises(UserError, match="name of more than 255 bytes"):
        inspect_archive(path, ROOMY)


def test_a_count_that_lies_is_no_way_around(tmp_path: Path) -> None:
    path = pack(tmp_path / "z.zip", {b"%d.jpg" % number: UNIX for number in range(30)}, declared=1)
    with pytest.raises(UserError, match=r"at most 9 files\. Received: 10\."):
        inspect_archive(path, Limits(9, 10**6, 100))


@pytest.mark.parametrize("error", [MemoryError(), RecursionError("too deep")])
def test_what_zipfile_cannot_hold_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def give_up(*_: object) -> None:
        raise error

    monkeypatch.setattr(zipfile.ZipFile, "_RealGetContents", give_up)
    with pytest.raises(UserError, match=r"must be a zip file.*whose directory is too large for this machine"):
        inspect_archive(pack(tmp_path / "z.zip", {b"a.jpg": UNIX}), ROOMY)


# --- what was right stays right


def test_zip64(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("cats/a.jpg", "w", force_zip64=True) as file:
        file.write(b"photo")
    data = path.read_bytes()
    place = data.rindex(b"PK\5\6")
    n_bytes, start = struct.unpack_from("<2L", data, place + 12)
    end = struct.pack("<LQ2H2L4Q", 0x06064B50, 44, 45, 45, 0, 0, 1, 1, n_bytes, start)
    end += struct.pack("<LLQL", 0x07064B50, 0, place, 1)
    end += struct.pack("<L4H2LH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(data[:place] + end)
    assert names_of(path) == ["cats/a.jpg"]


def test_data_descriptors(tmp_path: Path) -> None:
    path = tmp_path / "z.zip"

    class Pipe:
        """A file that cannot go back, so that sizes follow the data."""

        def __init__(self) -> None:
            self.data = b""

        def write(self, data: bytes) -> int:
            self.data += data
            return len(data)

        def flush(self) -> None:
            pass

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        archive.writestr("cats/a.jpg", b"photo" * 99)
        archive.writestr("cats/b.jpg", b"other" * 99)
    path.write_bytes(pipe.data)
    assert zipfile.ZipFile(path).infolist()[0].flag_bits & 8
    assert names_of(path) == ["cats/a.jpg", "cats/b.jpg"]
    assert (tmp_path / "out/cats/b.jpg").read_bytes() == b"other" * 99


@pytest.mark.parametrize(
    ("before", "comment"), [(b"", b"of 2020"), (b"#!/bin/sh\n", b""), (b"x" * 99, b"PK\5\6 and more")]
)
def test_bytes_before_and_a_comment_behind(tmp_path: Path, before: bytes, comment: bytes) -> None:
    path = pack(tmp_path / "z.zip", {b"a.jpg": UNIX})
    with zipfile.ZipFile(path, "a") as archive:
        archive.comment = comment
    path.write_bytes(before + path.read_bytes())
    try:
        with zipfile.ZipFile(path) as archive:
            expected = archive.namelist()
    except zipfile.BadZipFile:
        with pytest.raises(UserError):
            inspect_archive(path, ROOMY)
    else:
        assert names_of(path) == expected
