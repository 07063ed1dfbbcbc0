"""Candidates fitted, saved, loaded and run on 3 families of 8 photos at 32 px; conftest keeps the fixtures."""

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from rare_species.common.checksums import write_checksums
from rare_species.common.staged_files import write_json
from rare_species.data.backbone_json import FeaturesFile
from rare_species.data.dataset import Data, open_data
from rare_species.data.features import load_features, save_features
from rare_species.data.photo_batches import photo_batches
from rare_species.data.phylum_encoding import one_hot_phyla
from rare_species.embed.embedder import embed_split, open_embedder
from rare_species.fitting.fitted_classifier import save_classifier
from rare_species.networks.inference import predict
from rare_species.networks.keras_files import save_keras
from rare_species.params.embed import EmbedParams
from rare_species.params.evaluate import EvaluateParams
from rare_species.params.model import ModelParams
from rare_species.saved_models.metadata import read_saved
from rare_species.saved_models.network_file import load_network
from rare_species.train.ensemble import fit_members
from tests import toy
from tests.unit.tf_fixtures import AUGMENTATION, SIDE_PX, ignore_epoch, train_params

SPLITS = ("train", "val", "test")
EVALUATE = EvaluateParams(
    target_precision=0.9,
    explained_photos=2,
    top_k=2,
    confused_families=2,
    worst_photos=1,
    resamples=100,
    test_time_copies=0,
    augmentation=AUGMENTATION,
    seed=0,
)
CLASSES = [
    {"class_id": number, "family": family, "phylum": phylum}
    for number, (family, (phylum, _, _)) in enumerate(toy.FAMILIES.items())
]
PHYLA = ["Arthropoda", "Chordata"]


def embed(folder, packed, name, copies) -> Data:
    """What stage embed leaves, opened."""
    params = EmbedParams(batch_size=16, augmented_copies=copies, augmentation=AUGMENTATION, seed=0)
    embedder = open_embedder(ModelParams(name=name, weights="imagenet", inputs=("image",)), params, SIDE_PX)
    for split in SPLITS:
        save_features(folder / f"{split}.npz", embed_split(embedder, packed, split, copies if split == "train" else 0))
    document = FeaturesFile.of(embedder.description, [], packed.folder / "index.csv", CLASSES)
    write_json(folder / "backbone.json", document.model_dump())
    if embedder.backbone:
        save_keras(folder / "backbone.keras", embedder.backbone)
    write_checksums(folder)
    return open_data(folder, packed, CLASSES)


def fit(data, params, on_epoch=ignore_epoch):
    """A candidate whose checkpoints are thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return fit_members(data, params, on_epoch, Path(folder))


def save(folder, candidate, data):
    """Save a candidate as its stage does."""
    save_classifier(folder, candidate, data, train_params().model_dump(mode="json"))
    write_checksums(folder)


def load(folder):
    """The network of a saved candidate."""
    return load_network(read_saved(folder))


def predict_photos(folder, packed):
    """Probabilities of the saved model on the photos themselves, by split."""
    model = load(folder)
    return {split: predict(model, photo_batches(packed, packed.rows(split), 100)) for split in SPLITS}


def save_changed(data, folder, change) -> Data:
    """The same data with features that `change` makes of each split's name and features."""
    shutil.copytree(data.features, folder, dirs_exist_ok=True)
    for split in SPLITS:
        save_features(folder / f"{split}.npz", change(split, load_features(data.features, split)))
    write_checksums(folder)
    return replace(data, features=folder)


def tell(data, folder, phyla):
    """The same data, with the photos' phyla behind their features in this order."""
    wider = replace(data, phyla=phyla)
    return save_changed(wider, folder, lambda _, one: one.with_columns(one_hot_phyla(one.labels, CLASSES, phyla)))
