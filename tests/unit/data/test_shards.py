"""rare_species.data.shards: every photo comes back by its name, and a shard is a plain tar of JPEGs."""

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rare_species.common.csv_tables import SPLITS
from rare_species.common.errors import UserError
from rare_species.common.validated_json import read_json_file
from rare_species.data.shards import INDEX_COLUMNS, Packed, Preprocessing, open_packed, pack
from tests.damage import list_damages

TREATMENT = {"name": "circular_mask", "radius": 0.5, "edge": 0.0, "colour": "red"}
SHAPE = Preprocessing(image_size=8, resize="crop", treatment=TREATMENT, jpeg_quality=90)


def make_jpeg(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), (level, 0, 255 - level)).save(buffer, "JPEG")
    return buffer.getvalue()


def make_photos(count: int) -> pd.DataFrame:
    """Photos whose names are not in the order of their rows."""
    return pd.DataFrame(
        {
            "file_path": [f"photo-{count - number:03d}.png" for number in range(count)],
            "split": [SPLITS[number % 3] for number in range(count)],
            "class_id": [str(number % 2) for number in range(count)],
            "species": "unused",
        }
    )


def packed_of(folder: Path, jpegs: list[bytes], shard_images: int) -> tuple[Packed, dict[str, bytes]]:
    """What was packed, and the JPEG that belongs to each name."""
    photos = make_photos(len(jpegs))
    folder.mkdir(parents=True)
    pack(photos, iter(jpegs), folder, shard_images, SHAPE)
    return open_packed(folder), dict(zip(photos["file_path"], jpegs, strict=True))


@pytest.fixture
def packed(tmp_path: Path) -> tuple[Packed, dict[str, bytes]]:
    """Seven photos in shards of three: two full ones and a rest."""
    return packed_of(tmp_path / "packed", [make_jpeg(level * 30) for level in range(7)], shard_images=3)


def test_every_photo_is_found_by_name(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, jpegs = packed
    assert dict(zip(shards.index["file_path"], shards.read(shards.index), strict=True)) == jpegs


def test_the_index_lists_all_photos_by_name_with_numbers_as_numbers(packed: tuple[Packed, dict[str, bytes]]) -> None:
    index = packed[0].index
    assert tuple(index.columns) == INDEX_COLUMNS
    assert list(index["file_path"]) == sorted(packed[1])
    assert [index[name].dtype.kind for name in ("class_id", "offset", "length", "crc32")] == ["i"] * 4
    assert photos_per_shard(index) == {"shard-00000.tar": 3, "shard-00001.tar": 3, "shard-00002.tar": 1}


def photos_per_shard(index: pd.DataFrame) -> dict[str, int]:
    return index["shard"].value_counts().to_dict()


def test_a_shard_is_a_tar_of_those_jpegs(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, jpegs = packed
    members = []
    for path in sorted(shards.folder.glob("*.tar")):
        with tarfile.open(path) as tar:
            members += [(member.name, tar.extractfile(member).read()) for member in tar]
    assert members == [(f"{number:08d}.jpg", data) for number, data in enumerate(jpegs.values())]
    for _, data in members:
        with Image.open(io.BytesIO(data)) as image:
            assert (image.format, image.size) == ("JPEG", (8, 8))


def test_offsets_point_at_the_bytes_in_each_shard(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, jpegs = packed
    for row in shards.index.itertuples():
        data = (shards.folder / row.shard).read_bytes()
        assert data[row.offset : row.offset + row.length] == jpegs[row.file_path]


def test_rows_are_read_in_their_order_across_shards(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, jpegs = packed
    rows = shards.index.iloc[[6, 0, 3, 1, 6, 5]]
    assert list(shards.read(rows)) == [jpegs[name] for name in rows["file_path"]]


@pytest.mark.parametrize("split", SPLITS)
def test_rows_of_a_split(packed: tuple[Packed, dict[str, bytes]], split: str) -> None:
    rows = packed[0].rows(split)
    photos = make_photos(7)
    assert set(rows["file_path"]) == set(photos.loc[photos["split"] == split, "file_path"])
    assert list(rows.index) == list(range(len(rows)))


def test_the_shape_is_kept(packed: tuple[Packed, dict[str, bytes]]) -> None:
    assert packed[0].preprocessing == SHAPE


@given(st.lists(st.sampled_from([1, 2, 511, 512, 513, 1024, 3000]), min_size=1, max_size=9), st.integers(1, 10))
def test_lengths_around_a_tar_block_and_any_shard_size(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], shard_images: int
) -> None:
    contents = [bytes([number + 1]) * length for number, length in enumerate(lengths)]
    shards, jpegs = packed_of(tmp_path_factory.mktemp("any") / "packed", contents, shard_images)
    assert list(shards.read(shards.index)) == [jpegs[name] for name in shards.index["file_path"]]
    assert len(list(shards.folder.glob("*.tar"))) == -(-len(lengths) // shard_images)


def test_same_photos_same_bytes(tmp_path: Path) -> None:
    jpegs = [make_jpeg(level) for level in range(5)]
    first, second = (packed_of(tmp_path / name, jpegs, 2)[0].folder for name in ("first", "second"))
    names = sorted(path.name for path in first.iterdir())
    assert names == ["SHA256SUMS", "index.csv", "packed.json", "shard-00000.tar", "shard-00001.tar", "shard-00002.tar"]
    assert [(first / name).read_bytes() for name in names] == [(second / name).read_bytes() for name in names]


def test_jpegs_are_taken_one_at_a_time(tmp_path: Path) -> None:
    def jpegs() -> Iterator[bytes]:
        for number in range(4):
            written = sorted(path.name for path in tmp_path.glob("*.tar"))
            assert written == [f"shard-{shard:05d}.tar" for shard in range(number // 2 + 1)]
            yield make_jpeg(number)

    pack(make_photos(4), jpegs(), tmp_path, 2, SHAPE)


def test_nothing_packed_yet_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"index\.csv.*dvc repro"):
        open_packed(tmp_path)


def spoil(file: Path, place: int) -> None:
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(bytes(data))


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_one_bit_of_any_photo_is_seen_and_named(packed: tuple[Packed, dict[str, bytes]], share: float) -> None:
    shards, _ = packed
    for row in shards.index.itertuples():
        file = shards.folder / row.shard
        whole = file.read_bytes()
        spoil(file, row.offset + int(row.length * share))
        with pytest.raises(UserError, match=rf"JPEG of '{row.file_path}' in .*{row.shard}.* Received: other bytes"):
            shards.check(shards.index)
        file.write_bytes(whole)
    shards.check(shards.index)


def test_a_shard_that_ends_early_or_is_gone_is_named(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, _ = packed
    file = shards.folder / "shard-00001.tar"
    file.write_bytes(file.read_bytes()[:600])
    with pytest.raises(UserError, match=r"shard-00001\.tar, as its index says\. Received: the end of the file"):
        list(shards.read(shards.index))
    file.unlink()
    with pytest.raises(UserError, match=r"Expected .*shard-00001\.tar\. Received: no such file"):
        list(shards.read(shards.index))


@pytest.mark.parametrize("name", ["index.csv", "packed.json"])
def test_other_bytes_than_were_packed_are_refused(packed: tuple[Packed, dict[str, bytes]], name: str) -> None:
    folder = packed[0].folder
    for damage, data in list_damages((folder / name).read_bytes(), Path(name).suffix).items():
        (folder / name).write_bytes(data)
        with pytest.raises(UserError, match=re.escape(name)):
            open_packed(folder)
            pytest.fail(damage)


def test_changed_bytes_reach_no_parser(packed: tuple[Packed, dict[str, bytes]]) -> None:
    for name in ("index.csv", "packed.json"):
        file = packed[0].folder / name
        whole = file.read_bytes()
        file.write_bytes(b"\0")
        with pytest.raises(UserError, match=rf"{name} as its stage wrote it.* Received: other bytes"):
            open_packed(packed[0].folder)
        file.write_bytes(whole)


def test_photos_of_a_class_that_there_is_not_are_named(packed: tuple[Packed, dict[str, bytes]]) -> None:
    shards, _ = packed
    shards.check_classes(2)
    with pytest.raises(UserError, match=r"class ids below 1 in .*index\.csv.* Received: 1 of 'photo-\d+\.png'"):
        shards.check_classes(1)


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"image_size": 0}, "image_size"),
        ({"image_size": "8"}, "image_size"),
        ({"resize": "zoom"}, "resize"),
        ({"jpeg_quality": 101}, "jpeg_quality"),
        ({"treatment": {}}, "name must be that of a treatment, and is None"),
        ({"treatment": {"name": ["none"]}}, r"\['none'\]"),
        ({"more": 1}, "more"),
    ],
)
def test_a_shape_that_cannot_be_is_named(tmp_path: Path, change: dict[str, object], found: str) -> None:
    write = SHAPE.model_dump() | change
    (tmp_path / "packed.json").write_text(json.dumps(write))
    with pytest.raises(UserError, match=rf"packed\.json to be what its stage writes\. Received: .*{found}"):
        read_json_file(tmp_path / "packed.json", Preprocessing)
