"""Choose the photos on which an exported model is compared with the original."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rare_species.common.paths import Paths
from rare_species.data.shards import PACKED_NAME, open_packed
from rare_species.evaluate.champion_file import Classifier

PHOTOS = 32  # number of photos to compare on


def photos_to_compare(classifier: Classifier, paths: Paths) -> tuple[dict[str, NDArray[np.float32]], str]:
    """Choose test photos, or draw noise if there are none in the shape that the model was trained on.

    Args:
        classifier: the champion.
        paths: the pipeline's folders.

    Returns:
        The model's inputs by name, and a description of the photos in words. The inputs are float32 arrays with one
        row per photo: "rgb" of shape (n, side, side, 3), 0 to 255, and one-hot "phylum" of shape (n, n_phyla) if the
        model is conditioned on the phylum; every phylum takes its turn.
    """
    side_px, source = classifier.preprocessing.image_size, f"test photos of {paths.processed}"
    packed = open_packed(paths.processed) if (paths.processed / PACKED_NAME).is_file() else None
    rows = packed.rows("test") if packed and packed.preprocessing == classifier.preprocessing else None
    if packed and rows is not None and len(rows):
        chosen = rows.iloc[np.unique(np.linspace(0, len(rows) - 1, PHOTOS).astype(int))]
        photos = np.stack([np.asarray(photo, dtype=np.float32) for photo in packed.photos(chosen)])
    else:
        source = f"photos of noise, as {paths.processed} has none of this model's"
        photos = np.random.default_rng(0).uniform(0, 255, (PHOTOS, side_px, side_px, 3)).astype(np.float32)
    if not classifier.phyla:
        return {"rgb": photos}, source
    each_in_turn = np.arange(len(photos)) % len(classifier.phyla)
    return {"rgb": photos, "phylum": np.eye(len(classifier.phyla), dtype=np.float32)[each_in_turn]}, source
