"""The saved champion: its classes, input and calibration; no TensorFlow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rare_species.common.errors import UserError
from rare_species.evaluate.calibration import Calibration
from rare_species.evaluate.metrics_file import CandidateName, Metrics
from rare_species.saved_models.metadata import FILES, Metadata, SavedModel, read_json_files


class ChampionMetadata(Metadata):
    """metadata.json of the champion.

    Attributes:
        champion: name of the candidate: "train" or "tune".
        calibration: calibration of its answers.
        test: metrics on the test split.
    """

    champion: CandidateName
    calibration: Calibration
    test: Metrics


@dataclass(frozen=True)
class Classifier(SavedModel):
    """A champion, whose files were compared with their checksums.

    Attributes:
        metadata: content of metadata.json.
    """

    metadata: ChampionMetadata

    @property
    def calibration(self) -> Calibration:
        """The calibration of its answers."""
        return self.metadata.calibration

    def one_hot_phylum(self, name: str | None) -> NDArray[np.float32] | None:
        """Return the second input for photos of one phylum.

        Args:
            name: name of the phylum; None for a classifier that sees only the image.

        Returns:
            float32 array of shape (1, n_phyla), or None.

        Raises:
            UserError: when the classifier needs a phylum and got none, or the other way round, or does not know it.
        """
        known = ", ".join(self.phyla)
        if self.phyla and name not in self.phyla:
            received = "none" if name is None else repr(name)
            raise UserError(
                f"Expected --phylum with one of {known}, on which {self.folder} is conditioned. "
                f"Received: {received}. Predict photos of one phylum at a time."
            )
        if name is not None and not self.phyla:
            raise UserError(
                f"Expected no --phylum: {self.folder} sees the image alone. Received: {name!r}. Leave it out."
            )
        return None if name is None else np.array([[phylum == name for phylum in self.phyla]], np.float32)


def read_classifier(folder: Path) -> Classifier:
    """Read everything but the network of a champion.

    Raises:
        UserError: when files are missing, or have changed since stage evaluate wrote them.
    """
    missing = [str(folder / name) for name in FILES if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"Expected a champion in {folder}. Received: no {' and no '.join(missing)}. Run the pipeline first "
            "(make repro), or name another folder with --model."
        )
    return Classifier(folder, *read_json_files(folder, ChampionMetadata))
