"""rare_species.data.photo_batches: every photo, decoded, in order."""

import io
import shutil
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from rare_species.common.errors import UserError
from rare_species.data.photo_batches import photo_batches


def pillow(packed, rows):
    return np.stack([np.asarray(Image.open(io.BytesIO(jpeg)), np.float32) for jpeg in packed.read(rows)])


@pytest.mark.usefixtures("devices")
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_photos_come_in_order_as_pillow_decodes_them(packed, split):
    rows = packed.rows(split)
    batches = [batch.numpy() for batch in photo_batches(packed, rows, 5)]
    sizes = [len(batch) for batch in batches]
    assert sizes == [5] * (len(rows) // 5) + [len(rows) % 5] * (len(rows) % 5 > 0)
    assert {batch.dtype for batch in batches} == {np.dtype("float32")}
    found, expected = np.concatenate(batches), pillow(packed, rows)
    assert found.shape == (len(rows), 32, 32, 3)
    assert found.max() > 128  # RGB from 0 to 255, not to 1
    assert np.abs(found - expected).mean() < 0.5
    assert np.abs(found - expected).max() <= 4


def test_photos_can_be_read_again_and_their_number_is_known(packed):
    batches = photo_batches(packed, packed.rows("train"), 5)
    assert len(batches) == 3
    first, second = ([batch.numpy() for batch in batches] for _ in range(2))
    for one, two in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, two)


def test_damaged_shard_is_told_as_it_is_and_not_as_an_error_of_tensorflow(packed, tmp_path):
    folder = shutil.copytree(packed.folder, tmp_path / "copied")
    shard = folder / "shard-00002.tar"
    shard.write_bytes(shard.read_bytes()[:1000])
    copied = replace(packed, folder=folder)
    with pytest.raises(UserError, match=r"JPEG of .* in .*shard-00002\.tar.* Received: the end of the file"):
        photo_batches(copied, copied.rows("train"), 5)
