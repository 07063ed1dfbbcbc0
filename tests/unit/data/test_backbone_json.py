"""rare_species.data.backbone_json: what backbone.json can hold, and of what it was made."""

import json
from pathlib import Path
from typing import Any

import pytest

from rare_species.common.errors import UserError
from rare_species.common.staged_files import write_json
from rare_species.common.validated_json import read_json_file
from rare_species.data.backbone_json import BackboneDescription, FeaturesFile
from tests.damage import list_damages

BACKBONE = BackboneDescription(
    name="cnn",
    weights="none",
    weights_file_sha256="",
    weights_sha256="0" * 64,
    feature_size=4,
    layer_groups=2,
    licence="",
    pretrained_on="",
)
CLASSES = [{"class_id": 0, "family": "Felidae", "phylum": "Chordata"}]


@pytest.fixture
def document(tmp_path: Path) -> FeaturesFile:
    (tmp_path / "index.csv").write_bytes(b"file_path\n")
    return FeaturesFile.of(BACKBONE, ["Chordata"], tmp_path / "index.csv", CLASSES)


def test_it_is_read_as_it_was_written(document: FeaturesFile, tmp_path: Path) -> None:
    write_json(tmp_path / "backbone.json", document.model_dump())
    found = read_json_file(tmp_path / "backbone.json", FeaturesFile)
    assert found == document
    assert found == FeaturesFile.of(found, found.phyla, tmp_path / "index.csv", CLASSES)


def test_other_photos_or_classes_make_another(document: FeaturesFile, tmp_path: Path) -> None:
    others = [CLASSES[0] | {"family": "Canidae"}]
    assert document != FeaturesFile.of(BACKBONE, ["Chordata"], tmp_path / "index.csv", others)
    (tmp_path / "index.csv").write_bytes(b"file_path\na\n")
    assert document != FeaturesFile.of(BACKBONE, ["Chordata"], tmp_path / "index.csv", CLASSES)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"feature_size": -1},
        {"feature_size": "4"},
        {"weights_sha256": "abc"},
        {"weights_file_sha256": None},
        {"index_sha256": ""},
        {"phyla": "Chordata"},
        {"phyla": [1]},
        {"licence": 1},
    ],
)
def test_values_that_cannot_be_are_named(document: FeaturesFile, tmp_path: Path, change: dict[str, Any]) -> None:
    write_json(tmp_path / "backbone.json", document.model_dump() | change)
    with pytest.raises(
        UserError, match=rf"backbone\.json to be what its stage writes\. Received: {next(iter(change))}"
    ):
        read_json_file(tmp_path / "backbone.json", FeaturesFile)


def test_damage_to_the_structure_is_seen(document: FeaturesFile, tmp_path: Path) -> None:
    file, unseen = tmp_path / "backbone.json", []
    for name, data in list_damages(json.dumps(document.model_dump()).encode(), ".json").items():
        file.write_bytes(data)
        try:
            read_json_file(file, FeaturesFile)
            unseen.append(name)
        except UserError:
            pass
    assert all(name == "a bit flipped" or name.endswith("another number") for name in unseen)
