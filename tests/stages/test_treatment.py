"""Preprocess with a treatment: every packed photo has it, and packed.json says how it was made."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rare_species.data.shards import open_packed
from tests import toy
from tests.tiny_onnx import write_network

RECIPES = {
    "grayscale": {},
    "circular_mask": {"radius": 0.8, "edge": 0.1, "colour": "lime"},
    "peripheral_blur": {"radius": 0.2, "edge": 0.1, "sigma": 0.2},
    "remove_background": {"model": "u2netp", "weights": "tiny.onnx", "colour": "lime"},
}


def packed_photos():
    packed = open_packed(Path("data/processed"))
    for jpeg in packed.read(packed.index):
        with Image.open(io.BytesIO(jpeg)) as image:
            yield np.asarray(image, dtype=int)


@pytest.mark.parametrize("name", RECIPES)
def test_every_photo_is_treated(finished, name):
    before = list(packed_photos())
    write_network(finished / "tiny.onnx")
    parameters = {f"preprocess.{name}.{parameter}": value for parameter, value in RECIPES[name].items()}
    toy.write_params(finished, {"preprocess.treatment": name} | parameters)
    assert toy.run_stage("preprocess") == 0
    after = list(packed_photos())
    assert len(after) == len(before) == 24
    assert all(np.abs(old - new).max() > 20 for old, new in zip(before, after, strict=True))
    recorded = json.loads((finished / "data/processed/packed.json").read_text(encoding="utf-8"))
    treatment = {"name": name} | RECIPES[name]
    assert recorded == {"image_size": 32, "resize": "crop", "treatment": treatment, "jpeg_quality": 95}


def test_without_one_the_record_says_so(chain):
    recorded = json.loads((chain.folder / "data/processed/packed.json").read_text(encoding="utf-8"))
    assert recorded["treatment"] == {"name": "none"}
