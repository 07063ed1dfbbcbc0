"""Networks of saved models: written with the JSON files that describe them, and checked against these when loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from rare_species.common.class_labels import CLASSES, Classes
from rare_species.common.errors import UserError
from rare_species.common.validated_json import write_json_file
from rare_species.networks.keras_files import load_keras, save_keras
from rare_species.saved_models.metadata import METADATA, NETWORK, Metadata, SavedModel


def save_model(
    folder: Path, model: keras.Model, classes: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any]
) -> None:
    """Write the files of a saved model, without checksums: these follow when the folder is complete.

    Args:
        folder: an empty folder.
        model: the network.
        classes: class_id, family and phylum by class id.
        metadata: content of metadata.json, see `metadata.Metadata`.
    """
    save_keras(folder / NETWORK, model)
    write_json_file(folder / CLASSES, [dict(entry) for entry in classes], Classes)
    write_json_file(folder / METADATA, dict(metadata), Metadata)


def load_network(saved: SavedModel) -> keras.Model:
    """Load the network of a saved model and check it against the JSON files beside it.

    Raises:
        UserError: when its inputs or outputs differ from what they describe.
    """
    model = load_keras(saved.folder / NETWORK)
    side = saved.metadata.input.image_size
    expected = {"rgb": (side, side, 3)} | ({"phylum": (len(saved.phyla),)} if saved.phyla else {})
    takes = {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs}
    gives = model.output_shape[-1]
    if (takes, gives) != (expected, len(saved.classes)):
        raise UserError(
            f"Expected {saved.folder / NETWORK} to take {expected} and to give {len(saved.classes)} probabilities, as "
            f"{METADATA} and {CLASSES} beside it say. Received: it takes {takes} and gives {gives}. Run the pipeline "
            "again: make repro"
        )
    return model
