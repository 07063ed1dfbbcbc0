"""The Vision Transformer (Dosovitskiy et al., 2021) as KerasHub builds it; the only module that knows KerasHub."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from rare_species.common.errors import UserError
from rare_species.networks.assembly import TRANSFORMER

# ViT-B/16: https://arxiv.org/abs/2010.11929, table 1
BASE16 = {"patch_size": 16, "num_layers": 12, "num_heads": 12, "hidden_dim": 768, "mlp_dim": 3072}


def vit_base16(input_shape: tuple[int, int, int], **_: Any) -> keras.Model:
    """Build ViT-B/16 of random weights, called as the factories in `keras.applications` are.

    Args:
        input_shape: (side_px, side_px, 3) of the RGB input, scaled to [-1, 1]; each place has its own weights.

    Returns:
        A model that gives the class token behind the last normalisation, of shape (n, 768), as KerasHub's classifier
        takes it; it has no top, and what is averaged in other networks is not looked at.

    Raises:
        UserError: when KerasHub is not installed, or patches don't fill the photo.
    """
    if input_shape[0] % BASE16["patch_size"]:
        raise UserError(
            f"Expected preprocess.image_size to be a multiple of {BASE16['patch_size']} for vitbase16, which cuts "
            f"photos into squares of that side. Received: {input_shape[0]}. Set it in params.yaml."
        )
    inputs = keras.Input(input_shape, name="image")
    tokens = _keras_hub().models.ViTBackbone(image_shape=input_shape, **BASE16, name=TRANSFORMER)(inputs)
    return keras.Model(inputs, tokens[:, 0], name="vit_base16")


def load_vit(network: keras.Model, path: Path) -> None:
    """Copy weights from a file as KerasHub publishes it, which holds its part alone.

    Raises:
        UserError: when only the photos' size differs.
        ValueError: when the file is another network's.
    """
    try:
        network.get_layer(TRANSFORMER).load_weights(path)
    except ValueError as error:
        if "[<Embedding name=position_embedding, built=True>]" not in str(error):  # the list of what didn't fit
            raise
        raise UserError(
            f"Expected preprocess.image_size to be that of the photos that {path} was trained on, as the published "
            f"weights of vitbase16 were on 224. Received: {network.input_shape[1]}. Set it in params.yaml."
        ) from error


def _keras_hub() -> Any:
    try:
        import keras_hub  # noqa: PLC0415 - optional, for one network
    except ImportError as error:
        raise UserError(
            f"Expected KerasHub for model.name=vitbase16. Received: {error}. "
            "Install it with pip install -r requirements-vit.txt, or choose another model.name."
        ) from error
    return keras_hub
