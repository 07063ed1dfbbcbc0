"""The command export: each format holds all it needs and agrees, or nothing is written."""

import importlib.util
import json
import shutil
import zipfile
from pathlib import Path

import keras
import numpy as np
import onnxruntime
import pytest
import tensorflow as tf

from rare_species.cli import export
from rare_species.common.checksums import write_checksums
from rare_species.evaluate.calibration import calibrate
from rare_species.evaluate.champion_file import read_classifier
from rare_species.export import converters
from rare_species.export.converters import EXPORTERS, describe
from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from rare_species.networks.keras_files import save_keras
from rare_species.saved_models.network_file import load_network
from tests import toy
from tests.unit.tf_fixtures import SIDE_PX, head_params, save_toy_champion

NAMES = {"keras": "out.keras", "saved_model": "out", "tflite": "out.tflite", "onnx": "out.onnx"}


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    return save_toy_champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A folder without anything, as the current one."""
    monkeypatch.chdir(tmp_path)


def run(champion, name, out):
    return export.main(["--format", name, "--out", str(out), "--model", str(champion)])


def documents_in(name, path):
    """What the format holds besides the network, read as the format's own tools would."""
    if name == "saved_model":
        return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in (path / "assets.extra").iterdir()}
    if name == "onnx":
        properties = onnxruntime.InferenceSession(path).get_modelmeta().custom_metadata_map
        return {key: json.loads(text) for key, text in properties.items()}
    with zipfile.ZipFile(path) as archive:
        return {key: json.loads(archive.read(f"{key}.json")) for key in ("classes", "champion")}


@pytest.mark.filterwarnings(r"ignore:\s+Warning. tf.lite.Interpreter is deprecated")  # the pinned TensorFlow has it
@pytest.mark.parametrize("name", NAMES)
def test_every_format_agrees_and_holds_classes_and_what_it_takes(champion, tmp_path, capsys, name):
    out = tmp_path / "new" / NAMES[name]
    assert run(champion, name, out) == 0
    said = capsys.readouterr().out
    assert f"{out}: 0." in said
    assert "largest difference of a probability on 32 photos of noise, as data/processed has none" in said
    classifier = read_classifier(champion)
    assert documents_in(name, out) == describe(classifier) | {"classes": classifier.classes}
    photos = np.random.default_rng(1).uniform(0, 255, (3, SIDE_PX, SIDE_PX, 3)).astype(np.float32)
    model = load_network(classifier)
    expected = calibrate(model(photos).numpy(), 1.5)
    np.testing.assert_allclose(EXPORTERS[name].run(out, {"rgb": photos}), expected, atol=1e-5)
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_saved_model_holds_each_weight_once_and_is_served_as_keras_does(champion, tmp_path):
    assert run(champion, "saved_model", tmp_path / "out") == 0
    model = load_network(read_classifier(champion))
    held = tf.train.load_checkpoint(tmp_path / "out/variables/variables").get_variable_to_shape_map()
    sizes = sorted(int(np.prod(shape)) for name, shape in held.items() if name.endswith("VARIABLE_VALUE"))
    assert sizes == sorted(int(np.prod(weight.shape)) for weight in model.weights)
    signatures = tf.saved_model.load(tmp_path / "out").signatures
    assert sorted(signatures) == ["serve", "serving_default"]
    photos = np.zeros((2, SIDE_PX, SIDE_PX, 3), np.float32)
    assert keras.layers.TFSMLayer(tmp_path / "out", call_endpoint="serve")(photos)["probabilities"].shape == (2, 3)


@pytest.mark.parametrize("name", NAMES)
def test_a_model_that_is_told_the_phylum_agrees_too(tmp_path, capsys, name):
    conditioned = save_toy_champion(tmp_path / "conditioned", conditioned=True)
    assert run(conditioned, name, tmp_path / NAMES[name]) == 0
    assert "largest difference" in capsys.readouterr().out


@pytest.mark.parametrize("name", NAMES)
def test_one_that_disagrees_is_not_written_and_an_older_one_stays(champion, tmp_path, monkeypatch, capsys, name):
    out = tmp_path / "there" / NAMES[name]
    assert run(champion, name, out) == 0
    before = toy.snapshot(tmp_path)
    with_calibration = converters.with_calibration
    monkeypatch.setattr(converters, "with_calibration", lambda model, _: with_calibration(model, 1.0))
    assert run(champion, name, out) == 1
    assert f"export: Expected the exported {name} to give the probabilities of {champion}" in capsys.readouterr().err
    assert toy.snapshot(tmp_path) == before


def test_probabilities_that_are_none_disagree(champion, tmp_path, monkeypatch):
    nothing = converters.Exporter(EXPORTERS["keras"].write, lambda *_: np.full((32, 3), np.nan, np.float32))
    monkeypatch.setattr(converters, "EXPORTERS", {"keras": nothing})
    assert run(champion, "keras", tmp_path / "out.keras") == 1
    assert list(tmp_path.iterdir()) == []


def test_test_photos_are_taken_where_the_pipeline_has_them(champion, packed, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/processed").symlink_to(packed.folder)
    assert run(champion, "keras", "out.keras") == 0
    assert "on 6 test photos of data/processed: " in capsys.readouterr().out


def test_photos_of_another_shape_are_not_taken(packed, tmp_path, capsys):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/processed").symlink_to(packed.folder)
    assert run(save_toy_champion(tmp_path / "grey", treatment="grayscale"), "keras", "out.keras") == 0
    assert "on 32 photos of noise" in capsys.readouterr().out


def test_place_is_chosen_when_none_is_named(champion, tmp_path):
    assert export.main(["--format", "keras", "--model", str(champion)]) == 0
    assert (tmp_path / "models/exports/champion.keras").is_file()


@pytest.mark.parametrize(
    ("name", "out", "message"),
    [
        ("keras", "out.onnx", "Expected --out to be a file that ends in .keras for keras. Received: out.onnx."),
        ("onnx", "folder.onnx", "Expected --out to be a file that ends in .onnx for onnx. Received: folder.onnx."),
        ("saved_model", "folder.onnx", "Expected --out to be a new folder, or an older SavedModel to replace."),
        ("keras", "folder.onnx/mine.txt/a.keras", "folder.onnx/mine.txt is a file. Name another."),
    ],
)
def test_what_is_not_an_export_is_never_replaced(champion, capsys, name, out, message):
    mine = Path("folder.onnx/mine.txt")
    mine.parent.mkdir()
    mine.write_text("mine", encoding="utf-8")
    assert run(champion, name, out) == 1
    assert message in capsys.readouterr().err
    assert mine.is_file()


def test_missing_packages_are_named_before_anything_slow(champion, tmp_path, monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "tf2onnx" else found(name))
    assert run(champion, "onnx", tmp_path / "out.onnx") == 1
    error = capsys.readouterr().err
    assert "Expected tf2onnx for --format onnx. Received: not installed." in error
    assert "pip install -r requirements-export.txt" in error


def test_without_a_champion_there_is_nothing_to_export(tmp_path, capsys):
    assert run(tmp_path, "keras", "out.keras") == 1
    assert "export: Expected a champion in" in capsys.readouterr().err


def test_onnx_has_what_its_converter_lacks(champion, tmp_path):
    """GELU, whose complementary error function it does not know, and tensors that a layer holds besides weights."""
    inputs = keras.Input((SIDE_PX, SIDE_PX, 3))
    scaled = keras.layers.Normalization(mean=[120.0, 110, 100], variance=[60.0, 50, 40])(inputs)
    features = keras.layers.GlobalAveragePooling2D()(scaled)
    head = build_head(3, 3, head_params(activation="gelu", batch_norm=False))
    model = assemble(SIDE_PX, [keras.Model(inputs, features), average_probabilities([head])])
    folder = tmp_path / "champion"
    shutil.copytree(champion, folder)
    save_keras(folder / "model.keras", model)
    write_checksums(folder)
    assert run(folder, "onnx", tmp_path / "out.onnx") == 0
