"""Time stage embed against its network alone, on random numbers.

Run from the repository root: `python -m benchmarks.embed`. About two minutes. The stage's side reads, decodes and
embeds a split; the other runs the same network on batches of the same size, as many as that. Each is a process of its
own: the stage runs a batch on each core, the other leaves the cores to TensorFlow.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import tensorflow as tf

from benchmarks.photos import packed_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import Measure, take_turns, timed
from rare_species.common.cores import available_cores
from rare_species.common.read_params import load_params
from rare_species.data.shards import Packed
from rare_species.embed.embedder import Embedder, embed_split, open_embedder
from rare_species.networks.tensorflow_start import start_tensorflow
from rare_species.parallel.pools import pool_threads
from rare_species.params.embed import EmbedParams
from rare_species.params.model import ModelParams

MODEL = ModelParams(name="efficientnetlite0", weights="imagenet", inputs=("image",))


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that says how photos are embedded."""

    embed: EmbedParams


def rows() -> list[Row]:
    """Embed against a bare forward pass."""
    packed_photos()  # drawn before both processes look for them
    with ExitStack() as stack:

        def apart(measure: Measure, threads: int) -> Measure:
            """In a process whose TensorFlow has a pool of so many threads."""
            pool = ProcessPoolExecutor(1, get_context("spawn"), initializer=start_tensorflow, initargs=(threads,))
            stack.enter_context(pool)
            return lambda: pool.submit(measure).result()

        turns = take_turns(
            {
                "embed": apart(embed, pool_threads()),  # as stages/embed.py
                "bare": apart(run_network, available_cores()),
            }
        )
    against = f"its network alone on random tensors, batches of {parameters().batch_size}"
    return [Row(f"`embed` with {MODEL.name}, photos a second", against, "≥ 0.92×", str(turns.speed("embed", "bare")))]


def embed() -> float:
    """Seconds a photo of the training split."""
    embedder, packed = prepared()
    return timed(lambda: embed_split(embedder, packed, "train", augmented_copies=0), len(packed.rows("train")))()


def run_network() -> float:
    """Seconds a random photo, as many as those."""
    embedder, packed = prepared()
    side, size = packed.preprocessing.image_size, embedder.batch_size
    batch = tf.random.uniform((size, side, side, 3), maxval=255.0, seed=0)
    batches = -(-len(packed.rows("train")) // size)
    return timed(lambda: [embedder.call(batch).numpy() for _ in range(batches)], batches * size)()


@cache
def prepared() -> tuple[Embedder, Packed]:
    """Network and photos."""
    packed, _ = packed_photos()
    return open_embedder(MODEL, parameters(), packed.preprocessing.image_size), packed


def parameters() -> EmbedParams:
    """Those of params.yaml."""
    return load_params(Path("params.yaml"), Params).embed


if __name__ == "__main__":
    run_alone(rows)
