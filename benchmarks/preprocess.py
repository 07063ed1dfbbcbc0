"""Time stage preprocess against Pillow, against tf.data, and against libjpeg-turbo's decoding alone.

Run from the repository root: `python -m benchmarks.preprocess`. About two minutes. The stage's side is what
it does in all its processes: start them, read, decode, fit, encode again and pack. The list of photos is repeated for
it, as with 12,000 photos the start of the processes is a hundredth of the time.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from PIL import Image

from benchmarks.photos import Photos, preprocess, realistic_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import take_turns, timed
from rare_species.common.cores import available_cores
from rare_species.images.fit_to_square import scaled_size

SIDE_PX = 224
BATCH = 64
REPEATS = 6  # of the photos, for the side that starts processes
DECODED = 200  # photos at most for the sides that use one core


def rows() -> list[Row]:
    """Preprocess against each of these."""
    photos, cores = realistic_photos(), available_cores()
    files = photos.files
    few = files[:: -(-len(files) // DECODED)]
    turns = take_turns(
        {
            "preprocess": timed(lambda: pack_all(photos), len(files) * REPEATS),
            "pillow": timed(lambda: [resize_whole(file) for file in few], len(few)),
            "tf.data": timed(lambda: drain(files, antialias=False), len(files)),
            "tf.data, antialiased": timed(lambda: drain(files, antialias=True), len(files)),
            "decoding": timed(lambda: [decode_scaled(file) for file in few], len(few)),
        }
    )
    what = f"`preprocess`, photos a second on {cores} cores"
    limit = f"libjpeg-turbo's scaled decoding alone, times {cores} cores"
    decoding = cores * turns.speed("decoding", "tf.data").median
    plain = f"not antialiased; scaled decoding alone, times {cores} cores, is {decoding:.2f} times as fast as this"
    milliseconds = {side: 1000 * turns.median(side) for side in ("preprocess", "decoding")}
    costs = (
        f"a photo costs {milliseconds['preprocess'] * cores:.1f} ms of a core, of which reading and decoding "
        f"{milliseconds['decoding']:.1f}; the rest is bicubic resizing, encoding, packing, and the processes' start"
    )
    return [
        Row(what, "Pillow, decode all and resize, one process", "≥ 3×", str(turns.speed("preprocess", "pillow"))),
        Row(what, "tf.data, decode and resize, `AUTOTUNE`", "≥ 1.5×", str(turns.speed("preprocess", "tf.data")), plain),
        Row(
            what,
            "the same with `antialias=True`, as the stage's own resizing is",
            "≥ 1.5×",
            str(turns.speed("preprocess", "tf.data, antialiased")),
        ),
        Row(what, limit, "≥ 0.7×", str(turns.speed("preprocess", "decoding", by=cores)), costs),
    ]


def pack_all(photos: Photos) -> None:
    """What the stage does, on the repeated list."""
    listing = pd.concat([photos.listing] * REPEATS, ignore_index=True).assign(split="train", class_id=0)
    with tempfile.TemporaryDirectory() as folder:
        preprocess(listing, photos.folder, Path(folder))


def resize_whole(file: Path) -> Image.Image:
    """Decode at full size, then resize."""
    with Image.open(file) as image:
        return image.convert("RGB").resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)


def drain(files: Sequence[Path], *, antialias: bool) -> None:
    """Decode and resize in tf.data."""
    import tensorflow as tf  # each process of the stage's side imports this module again, and must not import it

    def decode(file: tf.Tensor) -> tf.Tensor:
        photo = tf.io.decode_jpeg(tf.io.read_file(file), channels=3)
        return tf.image.resize(photo, (SIDE_PX, SIDE_PX), antialias=antialias)

    names = tf.data.Dataset.from_tensor_slices([str(file) for file in files])
    for _ in names.map(decode, num_parallel_calls=tf.data.AUTOTUNE).batch(BATCH).prefetch(tf.data.AUTOTUNE):
        pass


def decode_scaled(file: Path) -> Image.Image:
    """Decode at the smallest size that the stage can work with."""
    with Image.open(io.BytesIO(file.read_bytes())) as image:
        image.draft("RGB", scaled_size(*image.size, SIDE_PX, "crop"))
        image.load()
        return image


if __name__ == "__main__":
    run_alone(rows)
