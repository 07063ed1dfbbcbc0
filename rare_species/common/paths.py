"""Where every stage reads and writes; the one place that knows the folders' names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LISTING, MANIFEST, ASSIGNMENTS = "listing.csv", "manifest.csv", "split.csv"  # each in a folder with its checksums


@dataclass(frozen=True)
class Paths:
    """The pipeline's files below the repository's root.

    Attributes:
        root: the repository's root; the current folder unless a test says otherwise.
    """

    root: Path = Path()

    @property
    def images(self) -> Path:
        """Photos as unpacked."""
        return self.root / "data/images"

    @property
    def labels(self) -> Path:
        """Folder of the listing: apart from the photos, so that an archive may hold a file of any name."""
        return self.root / "data/labels"

    @property
    def listing(self) -> Path:
        """One row per label the archive gives."""
        return self.labels / LISTING

    @property
    def clean(self) -> Path:
        """Folder of the manifest."""
        return self.root / "data/clean"

    @property
    def manifest(self) -> Path:
        """One row per image: kept, or rejected and why."""
        return self.clean / MANIFEST

    @property
    def split(self) -> Path:
        """Folder of the assignments and of `classes.json`."""
        return self.root / "data/split"

    @property
    def assignments(self) -> Path:
        """One row per kept photo: its split, its class and its group."""
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
        """Where a person may put weights that can't be downloaded; not part of the graph."""
        return self.root / "data/weights"

    @property
    def checkpoints(self) -> Path:
        """State of a fit that is still running; not part of the graph, and empty when the stage has finished."""
        return self.root / "data/checkpoints"

    @property
    def searches(self) -> Path:
        """Trials of a search that is still running, and how long each took; not part of the graph."""
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
        """Folder of the better of the two, with its calibration; what people use."""
        return self.model("champion")

    @property
    def exports(self) -> Path:
        """Where the champion goes in other formats; not part of the graph."""
        return self.root / "models/exports"

    def metrics(self, stage: str) -> Path:
        """A stage's metrics, one small JSON."""
        return self.root / "metrics" / f"{stage}.json"

    def plots(self, stage: str) -> Path:
        """Folder of a stage's plots."""
        return self.root / "plots" / stage

    @property
    def outputs(self) -> tuple[Path, ...]:
        """Every place below which a stage writes what another reads."""
        data = (self.images, self.labels, self.clean, self.split, self.processed, self.features)
        return (*data, *(self.root / folder for folder in ("models", "metrics", "plots")))
