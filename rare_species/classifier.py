"""What a saved champion says of itself: its classes, the photos it takes, how sure its answers are; no TensorFlow."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rare_species.calibration import Calibration
from rare_species.errors import UserError
from rare_species.files import read_json
from rare_species.shards import Shape

FILES = ("model.keras", "classes.json", "metadata.json")


@dataclass(frozen=True)
class Classifier:
    """A folder that stage `evaluate` wrote.

    Attributes:
        folder: with `FILES`.
        classes: class_id, family and phylum by class id.
        shape: of the photos that it takes.
        phyla: those it can be told, in the order of its second input; none where it has no such input.
        calibration: of its answers.
        metadata: all of metadata.json.
    """

    folder: Path
    classes: Sequence[Mapping[str, Any]]
    shape: Shape
    phyla: Sequence[str]
    calibration: Calibration
    metadata: Mapping[str, Any]

    def one_hot_phylum(self, name: str | None) -> NDArray[np.float32] | None:
        """The second input for photos of one phylum.

        Args:
            name: of the phylum; None for a classifier that is not told any.

        Returns:
            float32 array of shape (1, n_phyla), or None.

        Raises:
            UserError: when the classifier wants another kind of answer.
        """
        known = ", ".join(self.phyla)
        if self.phyla and name not in self.phyla:
            received = "none" if name is None else repr(name)
            raise UserError(
                f"Expected --phylum with one of {known}, which {self.folder} was trained to be told. "
                f"Received: {received}. Predict photos of one phylum at a time."
            )
        if name is not None and not self.phyla:
            raise UserError(
                f"Expected no --phylum: {self.folder} sees the image alone. Received: {name!r}. Leave it out."
            )
        return None if name is None else np.array([[phylum == name for phylum in self.phyla]], np.float32)


def read_classifier(folder: Path) -> Classifier:
    """Read all but the network.

    Raises:
        UserError: when files are missing, or are not a champion's.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"Expected a champion in {folder}. Received: no {' and no '.join(missing)} there. Run the pipeline first "
            "(make repro), or name another folder with --model."
        )
    metadata = read_json(folder / "metadata.json")
    try:
        shape = Shape(**{field.name: metadata["input"][field.name] for field in dataclasses.fields(Shape)})
        calibration = Calibration(**metadata["calibration"])
    except KeyError as error:
        raise UserError(
            f"Expected {error.args[0]} in {folder / 'metadata.json'}, which stage evaluate writes for the champion. "
            "Received: none. Name models/champion, or run the pipeline again: make repro"
        ) from error
    phyla = metadata["input"]["phyla"]
    return Classifier(folder, read_json(folder / "classes.json"), shape, phyla, calibration, metadata)
