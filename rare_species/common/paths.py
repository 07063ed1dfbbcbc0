"""Paths of everything that stages read and write; only this module knows the folder names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LISTING, MANIFEST, ASSIGNMENTS = "listing.csv", "manifest.csv", "split.csv"  # each lies in a folder with checksums


@dataclass(frozen=True)
class Paths:
    """The pipeline's files below the repository's root.

    Attributes:
        root: root of the repository; by default the current folder.
    """

    root: Path = Path()

    @property
    def images(self) -> Path:
        """Photos as unpacked."""
        return self.root / "data/images"

    @property
    def labels(self) -> Path:
        """Folder of the listing; it is not inside the photos' folder, so that archives may hold files of any name."""
        return self.root / "data/labels"

    @property
    def listing(self) -> Path:
        """Table with one row per label in the archive."""
        return self.labels / LISTING

    @property
    def clean(self) -> Path:
        """Folder of the manifest."""
        return self.root / "data/clean"

    @property
    def manifest(self) -> Path:
        """Table with one row per image: kept, or rejected with a reason."""
        return self.clean / MANIFEST

    @property
    def split(self) -> Path:
        """Folder of the assignments and of `classes.json`."""
        return self.root / "data/split"

    @property
    def assignments(self) -> Path:
        """Table with one row per kept photo: split, class and group."""
        return self.split / ASSIGNMENTS

    @property
    def processed(self) -> Path:
        """Packed photos: shards and their index."""
        return self.root / "data/processed"

    @property
    def features(self) -> Path:
        """Backbone features, one file per split."""
        return self.root / "data/features"

    @property
    def weights(self) -> Path:
        """Folder for weights that users can't or don't want to download; not part of the graph."""
        return self.root / "data/weights"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of a running fit; not part of the graph, and removed when the stage finishes."""
        return self.root / "data/checkpoints"

    @property
    def searches(self) -> Path:
        """Journals of running searches, and the seconds that trials took; not part of the graph."""
        return self.root / "data/searches"

    def model(self, stage: str) -> Path:
        """Folder of the model that `train` or `tune` saved."""
        return self.root / "models" / stage

    @property
    def candidates(self) -> list[Path]:
        """Folders of the models that stage evaluate measures."""
        return [self.model("train"), self.model("tune")]

    @property
    def champion(self) -> Path:
        """Folder of the better candidate with its calibration: the model for users."""
        return self.model("champion")

    @property
    def exports(self) -> Path:
        """Folder for exports of the champion; not part of the graph."""
        return self.root / "models/exports"

    def metrics(self, stage: str) -> Path:
        """A stage's metrics, one small JSON."""
        return self.root / "metrics" / f"{stage}.json"

    def plots(self, stage: str) -> Path:
        """Folder of a stage's plots."""
        return self.root / "plots" / stage

    @property
    def outputs(self) -> tuple[Path, ...]:
        """All folders with outputs that other stages read."""
        data = (self.images, self.labels, self.clean, self.split, self.processed, self.features)
        return (*data, *(self.root / folder for folder in ("models", "metrics", "plots")))
