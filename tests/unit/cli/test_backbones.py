"""rare_species.cli.backbones: the registry is printed, or the places of the weights that are named."""

import sys

import keras

from rare_species.backbones.printed_table import registry_table
from rare_species.backbones.weights import packaged_checkpoint
from rare_species.cli import backbones


def test_without_names_the_table_is_printed_and_tensorflow_is_not_started(capsys, monkeypatch):
    monkeypatch.delattr(backbones, "start_tensorflow")
    assert backbones.main([]) == 0
    assert capsys.readouterr().out == registry_table() + "\n"


def test_named_weights_are_found_and_their_place_is_printed(capsys, monkeypatch):
    started = []
    monkeypatch.setattr(backbones, "start_tensorflow", lambda: started.append("without its lines"))
    assert backbones.main(["efficientnetlite0"]) == 0
    assert capsys.readouterr().out.strip() == str(packaged_checkpoint().resolve())
    assert started == ["without its lines"]


def test_only_the_place_of_downloaded_weights_is_printed(capsys, tmp_path, monkeypatch):
    def download(**_):
        sys.stdout.write("Downloading data\n")
        (tmp_path / "vgg16.h5").write_bytes(b"weights")
        return str(tmp_path / "vgg16.h5")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.utils, "get_file", download)
    assert backbones.main(["vgg16"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'vgg16.h5'}\n"


def test_weights_that_cannot_be_had_are_one_error(capsys, tmp_path, monkeypatch):
    def offline(**_):
        raise OSError("no network")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(keras.utils, "get_file", offline)
    assert backbones.main(["resnet50"]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    assert "no network" in output.err
    assert "data/weights/" in output.err
    assert "model.name=efficientnetlite0" in output.err


def test_unknown_name_is_refused(capsys):
    assert backbones.main(["resnet"]) == 1
    assert "Received: resnet. Choose from efficientnetlite0, " in capsys.readouterr().err
