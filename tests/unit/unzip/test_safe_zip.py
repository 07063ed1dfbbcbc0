"""rare_species.unzip.safe_zip: hostile zips are refused before anything lands, ordinary ones arrive byte for byte."""

import errno
import ntpath
import os
import posixpath
import re
import stat
import struct
import tempfile
import tracemalloc
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rare_species.common.errors import UserError
from rare_species.unzip import safe_zip
from rare_species.unzip.safe_zip import Limits, extract, inspect_archive, read_member

ROOMY = Limits(max_files=1_000, max_bytes=10**9, max_ratio=100_000)
PHOTO = b"not a real photo, but its bytes count"

# Offsets within an entry of the zip's directory (APPNOTE.TXT 4.3.12).
FLAGS, METHOD, CRC, PACKED_SIZE, SIZE, ATTRIBUTES, HEADER_OFFSET = 8, 10, 16, 20, 24, 38, 42


def make_zip(path: Path, files: Mapping[str, bytes], method: int = zipfile.ZIP_STORED, mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in files.items():
            add_member(archive, name, data, method, mode)
    return path


def add_member(
    archive: zipfile.ZipFile, name: str, data: bytes, method: int = zipfile.ZIP_STORED, mode: int = 0
) -> None:
    info = zipfile.ZipInfo("placeholder")
    info.filename = name  # set afterwards: the constructor would cut it at a NUL
    info.compress_type, info.external_attr = method, mode << 16
    archive.writestr(info, data)


def patch_entry(path: Path, index: int, field: int, layout: str, value: int) -> Path:
    data = bytearray(path.read_bytes())
    entry = [match.start() for match in re.finditer(b"PK\x01\x02", data)][index]
    struct.pack_into(layout, data, entry + field, value)
    path.write_bytes(data)
    return path


def refuse(path: Path, limits: Limits = ROOMY) -> str:
    """Message of the refusal, after checking that it comes from both doors and that nothing landed anywhere."""
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(UserError) as inspected:
        inspect_archive(path, limits)
    with pytest.raises(UserError) as extracted:
        extract(path, path.parent / "inner" / "out", limits)
    assert str(inspected.value) == str(extracted.value)
    assert sorted(path.parent.rglob("*")) == before
    return str(extracted.value)


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_missing_file(tmp_path: Path) -> None:
    assert "which does not exist. Download" in refuse(tmp_path / "photos.zip")


def test_folder(tmp_path: Path) -> None:
    (tmp_path / "photos.zip").mkdir()
    assert "which is a folder. Download" in refuse(tmp_path / "photos.zip")


def test_device() -> None:
    assert "which is a pipe, a socket or a device. Download" in refuse(Path(os.devnull))


@pytest.mark.parametrize("content", [b"", b"<html>Sign in to download</html>"])
def test_not_a_zip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "photos.zip").write_bytes(content)
    assert "which is something else. Download" in refuse(tmp_path / "photos.zip")


@pytest.mark.parametrize("kept", [40, -1, -30])
def test_truncated(tmp_path: Path, kept: int) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": PHOTO})
    path.write_bytes(path.read_bytes()[:kept])
    assert "which is truncated or damaged" in refuse(path)


def test_bytes_missing_in_the_middle(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": PHOTO})
    data = path.read_bytes()
    path.write_bytes(data[:30] + data[50:])
    assert "'a.jpg', which shares its bytes with another file or the outside" in refuse(path)


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse_to_open(*_: object) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    monkeypatch.setattr(Path, "open", refuse_to_open)
    assert "gave no permission (Permission denied). Mend the permissions" in refuse(path)


def test_name_that_is_not_utf8_though_marked_so(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"é.jpg": PHOTO})
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    assert "which is truncated or damaged" in refuse(path)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../evil.jpg", "leads out of its folder with '..'"),
        ("cats/../../evil.jpg", "leads out of its folder with '..'"),
        ("cats/../kept.jpg", "leads out of its folder with '..'"),
        ("../evil/", "leads out of its folder with '..'"),
        ("/tmp/evil.jpg", "is an absolute path"),
        ("C:/evil.jpg", "is an absolute path"),
        ("c:evil.jpg", "is an absolute path"),
        ("//server/share/evil.jpg", "is an absolute path"),
        ("\\\\server\\share\\evil.jpg", "has a backslash"),
        ("..\\evil.jpg", "has a backslash"),
        ("cat.jpg\0.exe", "has a control character"),
        (".DS_Store\0.jpg", "has a control character"),
        ("\0", "has a control character"),
        ("cat\n.jpg", "has a control character"),
        ("cat\x1b[2J.jpg", "has a control character"),
        ("cat\u2028.jpg", "has a control character"),
        (".", "has no name"),
    ],
)
def test_unsafe_name(tmp_path: Path, name: str, problem: str) -> None:
    message = refuse(make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, name: PHOTO}))
    assert f"Received: {name!r}, which {problem}" in message


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="./\\:Cab\0\n é", min_size=1, max_size=12))
def test_every_name_that_could_escape_is_refused(name: str) -> None:
    on_posix = posixpath.normpath(posixpath.join("/out", name))
    on_windows = ntpath.normpath(ntpath.join("Q:\\out", name))
    escapes = not f"{on_posix}/".startswith("/out/") or not f"{on_windows}\\".startswith("Q:\\out\\")
    with tempfile.TemporaryDirectory() as folder:
        path = make_zip(Path(folder) / "photos.zip", {name: PHOTO})
        if escapes:
            refuse(path)
            return
        try:
            extract(path, Path(folder) / "out", ROOMY)
        except UserError:
            return
        assert {entry.name for entry in Path(folder).iterdir()} <= {"photos.zip", "out"}


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK, stat.S_IFDIR])
def test_special_file(tmp_path: Path, kind: int) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": b"/etc/passwd"}, mode=kind | 0o777)
    assert "'a.jpg', which is a link or another special file" in refuse(path)


def test_link_that_ends_like_a_folder(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a/": b"/etc"}, mode=stat.S_IFLNK | 0o777)
    assert "'a/', which is a link or another special file" in refuse(path)


@pytest.mark.parametrize("flag", [0x1, 0x40, 0x2000])
def test_encrypted(tmp_path: Path, flag: int) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": PHOTO})
    assert "'b.jpg', which is encrypted" in refuse(patch_entry(path, 1, FLAGS, "<H", flag))


def test_patch_to_another_file(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    assert "'a.jpg', which is a patch for another archive's file" in refuse(patch_entry(path, 0, FLAGS, "<H", 0x20))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 99])
def test_packing_method(tmp_path: Path, method: int) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    message = refuse(patch_entry(path, 0, METHOD, "<H", method))
    assert f"'a.jpg', which is packed with method {method}, neither stored (0) nor deflated (8)" in message


def test_name_twice(tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with warnings.catch_warnings(), zipfile.ZipFile(path, "w") as archive:
        warnings.simplefilter("ignore", UserWarning)
        add_member(archive, "cats/a.jpg", PHOTO)
        add_member(archive, "cats/a.jpg", b"another")
    assert "Received: 'cats/a.jpg' twice." in refuse(path)


def test_name_twice_once_spelled_with_a_dot(tmp_path: Path) -> None:
    assert "Received: 'a.jpg' twice." in refuse(make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "./a.jpg": PHOTO}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cats/a.jpg", "cats/A.JPG"),
        ("cats/a.jpg", "Cats/b.jpg"),
        (unicodedata.normalize("NFC", "é.jpg"), unicodedata.normalize("NFD", "É.jpg")),
        ("straße.jpg", "STRASSE.jpg"),
    ],
)
def test_names_that_meet_on_another_disk(tmp_path: Path, one: str, other: str) -> None:
    message = refuse(make_zip(tmp_path / "photos.zip", {one: PHOTO, other: PHOTO}))
    places = [part for name in (one, other) for part in (name, posixpath.dirname(name))]
    assert "which are one name on some disks" in message
    assert sum(f"{place!r}" in message for place in places) == 2


def test_names_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    message = refuse(make_zip(tmp_path / "photos.zip", {"ñ/\u00e9.jpg": PHOTO, "ñ/e\u0301.jpg": PHOTO}))
    assert r"'\xf1/\xe9.jpg' and '\xf1/e\u0301.jpg', which are one name on some disks" in message


@pytest.mark.parametrize("names", [("a", "a/b.jpg"), ("a/b.jpg", "a"), ("a", "a/"), ("a/", "a")])
def test_file_and_folder_of_one_name(tmp_path: Path, names: tuple[str, str]) -> None:
    message = refuse(make_zip(tmp_path / "photos.zip", dict.fromkeys(names, PHOTO)))
    assert "Received: 'a' both as a file and as a folder." in message


def test_too_many_files(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {f"{number}.jpg": PHOTO for number in range(4)})
    assert len(inspect_archive(path, Limits(4, 10**6, 100)).members) == 4
    assert "at most 3 files. Received: 4. Raise unzip.max_files" in refuse(path, Limits(3, 10**6, 100))


def test_too_many_bytes(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": b"x" * 600, "b.jpg": b"x" * 600})
    assert len(inspect_archive(path, Limits(9, 1_200, 100)).members) == 2
    assert "at most 1,199 bytes. Received: 1,200. Raise unzip.max_bytes" in refuse(path, Limits(9, 1_199, 100))


def test_bomb_of_zeros(tmp_path: Path) -> None:
    files = {"a.jpg": PHOTO, "bomb.jpg": bytes(1_000_000)}
    path = make_zip(tmp_path / "photos.zip", files, zipfile.ZIP_DEFLATED)
    packed_bytes = zipfile.ZipFile(path).getinfo("bomb.jpg").compress_size
    ratio = -(-1_000_000 // packed_bytes)
    assert f"('bomb.jpg' is over). Received: {ratio:,}. Raise unzip.max_ratio" in refuse(path, Limits(9, 10**9, 200))


def test_ratio_of_a_small_file_does_not_count(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": bytes(99_999)}, zipfile.ZIP_DEFLATED)
    assert extract(path, tmp_path / "out", Limits(9, 10**9, 2)) == 1


def test_two_members_in_the_same_bytes(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": PHOTO})
    assert "which shares its bytes" in refuse(patch_entry(path, 1, HEADER_OFFSET, "<L", 0))


def test_member_that_quotes_the_next(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": PHOTO})
    message = refuse(patch_entry(path, 0, PACKED_SIZE, "<L", len(PHOTO) + 1))
    assert "'b.jpg', which shares its bytes" in message


def test_member_that_runs_into_the_directory(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    message = refuse(patch_entry(path, 0, PACKED_SIZE, "<L", len(PHOTO) + 1))
    assert "files whose bytes run into the zip's own directory" in message


def test_flipped_byte(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO, "b.jpg": b"the second"})
    path.write_bytes(path.read_bytes().replace(b"the second", b"the sEcond"))
    with pytest.raises(UserError, match=r"photos\.zip must be whole\. Received: 'b\.jpg' damaged: Bad CRC-32"):
        extract(path, tmp_path / "out", ROOMY)
    with pytest.raises(UserError, match=r"'b\.jpg' damaged: Bad CRC-32"):
        read_member(path, "b.jpg", ROOMY)


def test_damaged_deflate_stream(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO * 9}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data[:35] + b"\xff" + data[36:])  # 30 bytes of header, 5 of name; no deflate block begins so
    with pytest.raises(UserError, match=r"'a\.jpg' damaged: Error -3 while decompressing"):
        extract(path, tmp_path / "out", ROOMY)


def test_two_names_for_one_member(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    path.write_bytes(path.read_bytes().replace(b"a.jpg", b"b.jpg", 1))
    with pytest.raises(
        UserError, match=r"'a\.jpg' damaged: File name in directory 'a\.jpg' and header b'b\.jpg' differ"
    ):
        extract(path, tmp_path / "out", ROOMY)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("real_bytes", [1_000, 3_000_000])
def test_member_longer_than_declared(tmp_path: Path, method: int, real_bytes: int) -> None:
    """With the CRC of what is declared, zipfile itself takes the first 10 bytes for the whole file."""
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": b"x" * real_bytes}, method)
    patch_entry(path, 0, SIZE, "<L", 10)
    patch_entry(path, 0, CRC, "<L", zlib.crc32(b"x" * 10))
    assert zipfile.ZipFile(path).read("a.jpg") == b"x" * 10
    with pytest.raises(UserError, match=r"'a\.jpg' damaged: (more than the 10 bytes|Bad CRC-32)"):
        extract(path, tmp_path / "out", ROOMY)
    assert all(len(data) <= 10 for data in tree(tmp_path / "out").values())


def test_member_longer_than_declared_is_not_read_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": bytes(8 << 20)}, zipfile.ZIP_DEFLATED)
    patch_entry(path, 0, SIZE, "<L", 10)
    read, n_bytes = zipfile.ZipExtFile.read, []

    def counted(self: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        data = read(self, n)
        n_bytes.append(len(data))
        return data

    monkeypatch.setattr(zipfile.ZipExtFile, "read", counted)
    with pytest.raises(UserError, match="more than the 10 bytes"):
        extract(path, tmp_path / "out", ROOMY)
    assert 10 < sum(n_bytes) <= 1 << 20


@pytest.mark.parametrize(("declared", "problem"), [(999, "more"), (1_001, "fewer")])
def test_member_with_a_wrong_declared_size(tmp_path: Path, declared: int, problem: str) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": b"x" * 1_000})
    patch_entry(path, 0, SIZE, "<L", declared)
    with pytest.raises(UserError, match=rf"'a\.jpg' damaged: {problem} than the {declared:,} bytes its directory"):
        extract(path, tmp_path / "out", ROOMY)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make_zip(tmp_path / "photos.zip", {"cats/a.jpg": PHOTO})
    path_open = Path.open

    def open_on_full_disk(self: Path, mode: str = "r") -> object:
        return path_open(Path("/dev/full"), "wb") if "x" in mode else path_open(self, mode)

    monkeypatch.setattr(Path, "open", open_on_full_disk)
    with pytest.raises(UserError) as error:
        extract(path, tmp_path / "out", ROOMY)
    assert "Expected to unpack 'cats/a.jpg'. Received: a file could not be written: the disk is full" in str(
        error.value
    )
    assert "Free some space" in str(error.value)


def test_a_name_too_long_for_the_disk_is_not_called_a_full_disk(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"/".join(["a" * 200] * 10): PHOTO})
    below = tmp_path / "/".join(["b" * 250] * 10)  # with it, the whole path is longer than any system takes
    with pytest.raises(UserError, match=r"has a name that is too long for this disk.*Shorten it") as error:
        extract(path, below, ROOMY)
    assert "space" not in str(error.value)


def test_file_in_the_way_is_not_overwritten(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO})
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "a.jpg").write_bytes(b"mine")
    with pytest.raises(UserError, match=r"'a\.jpg'. Received: .* was there already"):
        extract(path, tmp_path / "out", ROOMY)
    assert tree(tmp_path / "out") == {"a.jpg": b"mine"}


def test_what_systems_leave_behind_is_passed_over(tmp_path: Path) -> None:
    junk = ("__MACOSX/cats/a.jpg", "cats/.DS_Store", "cats/Thumbs.db", "desktop.ini", "._cats", "Icon\r", "./")
    files = {"cats/": b"", "cats/a.jpg": PHOTO} | dict.fromkeys(junk, b"junk")
    path = make_zip(tmp_path / "photos.zip", files)
    assert [member.name for member in inspect_archive(path, Limits(1, len(PHOTO), 1)).members] == ["cats/a.jpg"]
    assert extract(path, tmp_path / "out", ROOMY) == 1
    assert tree(tmp_path / "out") == {"cats/a.jpg": PHOTO}


def test_only_what_lies_below_the_root(tmp_path: Path) -> None:
    names = ("set/cats/a.jpg", "set/cats/b.jpg", "set/list.csv", "settled.jpg", "other/c.jpg")
    path = make_zip(tmp_path / "photos.zip", {name: name.encode() for name in names})
    assert extract(path, tmp_path / "out", ROOMY, root="set", leave_out=["set/list.csv"]) == 2
    assert tree(tmp_path / "out") == {"cats/a.jpg": b"set/cats/a.jpg", "cats/b.jpg": b"set/cats/b.jpg"}


def test_sorted_and_read_one_by_one(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"b.jpg": b"b", "c/a.jpg": b"ca", "a.jpg": b"a"}, zipfile.ZIP_DEFLATED)
    assert [member.name for member in inspect_archive(path, ROOMY).members] == ["a.jpg", "b.jpg", "c/a.jpg"]
    assert read_member(path, "c/a.jpg", ROOMY) == b"ca"
    with pytest.raises(KeyError):
        read_member(path, "d.jpg", ROOMY)


def test_member_too_large_for_memory_is_not_read(tmp_path: Path) -> None:
    path = patch_entry(make_zip(tmp_path / "photos.zip", {"list.csv": b"a,b"}), 0, SIZE, "<L", (256 << 20) + 1)
    with pytest.raises(UserError, match=r"list\.csv in .* at most 268,435,456 bytes\. Received: 268,435,457\."):
        read_member(path, "list.csv", Limits(9, 10**9, 10**9))


def test_mode_comes_from_us(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": PHOTO}, mode=stat.S_IFREG | stat.S_ISUID | 0o777)
    extract(path, tmp_path / "out", ROOMY)
    assert stat.S_IMODE((tmp_path / "out" / "a.jpg").stat().st_mode) == 0o644


def test_memory_does_not_grow_with_a_file(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"a.jpg": bytes(64 << 20)}, zipfile.ZIP_DEFLATED)
    tracemalloc.start()
    extract(path, tmp_path / "out", ROOMY)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (tmp_path / "out" / "a.jpg").stat().st_size == 64 << 20
    assert peak_bytes < 16 << 20


PART = st.text(alphabet="abcxyz09 ._-é漢", max_size=8)
SAFE_NAME = st.builds(
    lambda folders, name: "/".join([*(f"d{folder}" for folder in folders), f"f{name}"]),
    st.lists(PART, max_size=3),
    PART,
)


@settings(max_examples=50, deadline=None)
@given(
    files=st.dictionaries(SAFE_NAME, st.binary(max_size=300), max_size=8),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_safe_names_round_trip(files: dict[str, bytes], method: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = make_zip(Path(folder) / "photos.zip", files, method)
        assert [member.name for member in inspect_archive(path, ROOMY).members] == sorted(files)
        assert extract(path, Path(folder) / "out", ROOMY) == len(files)
        assert tree(Path(folder) / "out") == files


def test_the_bar_is_one_line_whatever_the_archive_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    monkeypatch.setattr(safe_zip, "tqdm", lambda **options: shown.append(options["desc"]) or nullcontext(Mock()))
    path = make_zip(tmp_path / "photos\nunzip: all good\x1b[2J.zip", {"a.jpg": b"1"})
    extract(path, tmp_path / "out", ROOMY)
    assert shown == [r"unzip photos\nunzip: all good\x1b[2J.zip"]
