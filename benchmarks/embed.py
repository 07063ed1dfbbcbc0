"""Time stage embed against its network alone, on random numbers.

Run from the repository root: `python -m benchmarks.embed`. About two minutes. The stage's side reads, decodes
and embeds a split; the other runs the same network on batches of the same size, as many as that.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf

from benchmarks.photos import packed_photos
from benchmarks.report import Row, run_alone
from benchmarks.timing import take_turns, timed
from rare_species.embedding import embed_split, open_embedder
from rare_species.models import inference
from rare_species.params import EmbedParams, ModelParams
from rare_species.params_file import load_params
from rare_species.rewriting import for_inference

MODEL = ModelParams(name="efficientnetlite0", weights="imagenet", inputs=("image",))


@dataclass(frozen=True)
class Params:
    """The section of params.yaml that says how photos are embedded."""

    embed: EmbedParams


def rows() -> list[Row]:
    """Embed against a bare forward pass."""
    packed, _ = packed_photos()
    side, count = packed.shape.image_size, len(packed.rows("train"))
    embedder = open_embedder(MODEL, load_params(Path("params.yaml"), Params).embed, side)
    forward = inference(for_inference(embedder.backbone))
    batch = tf.random.uniform((embedder.batch_size, side, side, 3), maxval=255.0, seed=0)
    batches = -(-count // embedder.batch_size)
    turns = take_turns(
        {
            "embed": timed(lambda: embed_split(embedder, packed, "train", views=0), count),
            "bare": timed(lambda: [forward(batch).numpy() for _ in range(batches)], batches * embedder.batch_size),
        }
    )
    against = f"its network alone on random tensors, batches of {embedder.batch_size}"
    return [Row(f"`embed` with {MODEL.name}, photos a second", against, "≥ 0.92×", str(turns.speed("embed", "bare")))]


if __name__ == "__main__":
    run_alone(rows)
