"""What a user can get wrong: exit code 1, one message of what to do, old outputs untouched, nothing half-written.

Every test starts from a finished run, so that there are old outputs to lose.
"""

import errno
import os
import re
import resource
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rare_species.common.checksums import write_checksums
from tests import toy
from tests.disk import files_no_longer_than

PROGRESS_BAR = "%|"
FULL_DISK = "disk is full|larger than the disk"


def refused(stage: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a stage that must fail and change nothing; its message."""
    before = outputs(Path.cwd().parent)
    capsys.readouterr()
    assert toy.run_stage(stage) == 1
    message = one_message(stage, capsys.readouterr().err)
    assert outputs(Path.cwd().parent) == before
    return message


def outputs(folder: Path) -> dict[str, str]:
    """Files but those of a search that can go on."""
    return {path: digest for path, digest in toy.snapshot(folder).items() if "data/searches/" not in path}


def one_message(stage: str, stderr: str) -> str:
    """The last thing on stderr, and the only one that the stage says."""
    assert "Traceback" not in stderr
    said = [line for line in stderr.splitlines() if line.startswith(f"{stage}: ") and PROGRESS_BAR not in line]
    assert len(said) == 1, stderr
    assert stderr.endswith(f"{said[0]}\n"), stderr
    return said[0]


def toy_files() -> dict[str, bytes]:
    photos, rows = toy.draw_photos()
    return {"metadata.csv": toy.write_metadata(rows), **photos}


# The archive


def test_archive_missing(archive, capsys):
    archive.unlink()
    message = refused("unzip", capsys)
    assert re.search(
        r"must be a zip file. Received: data/raw/sample.zip, which does not exist. .*unzip.archive", message
    )


def test_archive_missing_on_the_first_run(project, capsys):
    (project / toy.PARAMETERS["unzip.archive"]).unlink()
    assert toy.run_stage("unzip") == 1
    one_message("unzip", capsys.readouterr().err)
    assert {path for path in toy.snapshot(project) if not path.endswith("/")} == {"params.yaml", "data/exclude.csv"}


def test_archive_not_a_zip(archive, capsys):
    archive.write_bytes(b"<html>404 Not Found</html>")
    assert re.search("must be a zip file. Received: .* which is something else", refused("unzip", capsys))


@pytest.mark.parametrize("share", [0.05, 0.5, 0.99])
def test_archive_truncated(archive, capsys, share):
    data = archive.read_bytes()
    archive.write_bytes(data[: int(len(data) * share)])
    assert re.search("which is truncated or damaged .*Download or copy it again", refused("unzip", capsys))


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("../escape.jpg", "leads out of its folder"),
        ("Felidae/../../../escape.jpg", "leads out of its folder"),
        ("/tmp/escape.jpg", "absolute path"),
        ("C:/escape.jpg", "absolute path"),
        ("..\\escape.jpg", "backslash"),
        ("felidae/110000.jpg", "one name on some disks"),
    ],
)
def test_archive_hostile_name(archive, capsys, name, problem):
    toy.write_zip(archive, toy_files() | {name: b"x"})
    assert re.search(f"Received: .*{problem}.*Pack the photos again", refused("unzip", capsys))


def test_archive_hostile_link(archive, capsys):
    toy.write_zip(archive, toy_files())
    link = zipfile.ZipInfo("Felidae/link.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(archive, "a") as spoiled:
        spoiled.writestr(link, "/etc/passwd")
    assert re.search("'Felidae/link.jpg', which is a link", refused("unzip", capsys))


def test_archive_hostile_bomb(archive, capsys):
    toy.write_zip(archive, toy_files())
    with zipfile.ZipFile(archive, "a", zipfile.ZIP_DEFLATED) as spoiled:
        spoiled.writestr("Felidae/bomb.jpg", bytes(10_000_000))
    message = refused("unzip", capsys)
    assert re.search("at most 200.* times the packed size .*bomb.jpg.*Raise unzip.max_ratio", message)


def test_archive_without_images(archive, capsys):
    toy.write_zip(archive, {"metadata.csv": toy_files()["metadata.csv"], "readme.txt": b"no photos"})
    assert re.search("must hold images .*Received: no images among 2 files", refused("unzip", capsys))


def test_archive_with_two_metadata_files(archive, capsys):
    files = toy_files()
    toy.write_zip(archive, files | {"old/metadata.csv": files["metadata.csv"]})
    message = refused("unzip", capsys)
    assert re.search("must hold one metadata.csv. Received: 'metadata.csv', 'old/metadata.csv'. Keep", message)


@pytest.mark.parametrize("column", ["family", "file_path"])
def test_metadata_lacks_a_column(archive, capsys, column):
    photos, rows = toy.draw_photos()
    columns = tuple(name for name in toy.METADATA_COLUMNS if name != column)
    toy.write_zip(archive, {"metadata.csv": toy.write_metadata(rows, columns), **photos})
    assert re.search(f"must have the columns .*Received: .*Add {column} to its first line", refused("unzip", capsys))


def test_folders_in_folders(archive, capsys):
    photos, _ = toy.draw_photos()
    toy.write_zip(archive, {f"{name.removesuffix('.jpg')}/1.jpg": photo for name, photo in photos.items()})
    message = refused("unzip", capsys)
    assert re.search("can be read in two ways. unzip.class_folder: first reads 3 classes .*last reads 24", message)


def test_label_with_a_control_character(archive, capsys):
    files = toy_files()
    files["metadata.csv"] = files["metadata.csv"].replace(b"Ranidae,", b"Rani\x1bdae,", 1)
    toy.write_zip(archive, files)
    assert re.search(r"family 'Rani\\x1bdae', which has a control character, on line \d", refused("unzip", capsys))


def test_family_with_one_image(archive, capsys):
    toy.write_archive(archive, {"Ranidae": 1})
    assert [toy.run_stage(stage) for stage in ("unzip", "clean")] == [0, 0]
    assert re.search(
        "at least two usable photos of each family. Received one of: Ranidae. Add", refused("split", capsys)
    )


def test_fewer_than_two_families(archive, finished, capsys):
    toy.write_archive(archive, {"Formicidae": 0, "Ranidae": 0})
    toy.write_params(finished, {"clean.max_rejected_fraction": 0.5})
    assert [toy.run_stage(stage) for stage in ("unzip", "clean")] == [0, 0]
    assert re.search("at least two families to tell apart. Received: Felidae. Add", refused("split", capsys))


# The parameters


@pytest.mark.parametrize(
    ("stage", "parameter"),
    [
        ("unzip", "unzip.archiv"),
        ("split", "split.bursts"),
        ("embed", "model.weight"),
        ("train", "train.optimizer.lr"),
        ("tune", "tune.base.head.unit"),
        ("evaluate", "evaluate.topk"),
    ],
)
def test_unknown_parameter(finished, capsys, stage, parameter):
    toy.write_params(finished, {parameter: 1})
    message = refused(stage, capsys)
    assert f"{parameter} is not a parameter. Received: 1. Remove it from params.yaml or mend its name." in message


def test_unknown_section(finished, capsys):
    with (finished / "params.yaml").open("a", encoding="utf-8") as file:
        file.write("trian: {epochs: 5}\n")
    assert "must hold the sections unzip, clean" in refused("train", capsys)


def test_missing_parameter(finished, capsys):
    params = finished / "params.yaml"
    params.write_text(re.sub(r"\n  burst_gap: \d+", "", params.read_text()))
    assert "split.burst_gap is missing. Add it to params.yaml." in refused("split", capsys)


def test_params_not_yaml(finished, capsys):
    (finished / "params.yaml").write_text("split: {seed: 1")
    message = refused("split", capsys)
    assert re.search(r"params\.yaml must be YAML\. Received: .*, on line 1, .* Mend that, and run again\.", message)


@pytest.mark.parametrize(
    ("stage", "parameter", "value"),
    [
        ("clean", "clean.min_side_px", "small"),
        ("split", "split.seed", 1.5),
        ("preprocess", "preprocess.image_size", 0),
        ("train", "train.optimizer.learning_rate", "abc"),
        ("train", "train.optimizer.learning_rate", float("nan")),
        ("train", "train.head.dropout", 1.0),
        ("tune", "tune.trials", -1),
        ("evaluate", "evaluate.resamples", None),
    ],
)
def test_mistyped_parameter(finished, capsys, stage, parameter, value):
    toy.write_params(finished, {parameter: value})
    message = refused(stage, capsys)
    assert message.startswith(f"{stage}: {parameter}: ")
    assert f"Received: {value!r}. Set it in params.yaml or with dvc exp run -S {parameter}=VALUE." in message


@pytest.mark.parametrize(
    ("fractions", "problem"),
    [
        (
            (0.8, 0.3, 0.1),
            "split.train + split.val + split.test must be 1. Received: 0.8 + 0.3 + 0.1 = 1.2. Set it in ",
        ),
        (
            (0.5, 0.2, 0.1),
            "split.train + split.val + split.test must be 1. Received: 0.5 + 0.2 + 0.1 = 0.8. Set it in ",
        ),
        ((0.9, 0.0, 0.1), "split.val: Input should be greater than 0. Received: 0.0. Set it in "),
        ((1.0, 0.1, 0.1), "split.train: Input should be less than 1. Received: 1.0. Set it in "),
    ],
)
def test_impossible_fractions(finished, capsys, fractions, problem):
    toy.write_params(finished, dict(zip(("split.train", "split.val", "split.test"), fractions, strict=True)))
    assert problem in refused("split", capsys)


def test_archive_without_several_species_in_a_family(finished, capsys):
    toy.write_params(finished, {"split.holdout_species": True})
    assert "several species, all of them known (eol_page_id in metadata.csv). Received: 3" in refused("split", capsys)


# The phylum

TOLD = {"model.inputs": ["image", "phylum"]}


def test_phylum_unknown(finished, capsys):
    classes = finished / "data/split/classes.json"
    classes.write_text(classes.read_text(encoding="utf-8").replace("Arthropoda", ""), encoding="utf-8")
    write_checksums(classes.parent)
    toy.write_params(finished, TOLD)
    assert re.search(
        r"Expected the phylum of every family.* Received: none for 1 of 3 families, such as Formicidae\. Give it in",
        refused("embed", capsys),
    )


def test_phylum_with_the_network_that_learns_from_photos(finished, capsys):
    toy.write_params(finished, TOLD | {"model.name": "cnn"})
    message = refused("embed", capsys)
    assert "model.inputs must be [image] with model.name=cnn, which learns from photos alone." in message
    assert "Received: [image, phylum]. Set it in params.yaml" in message


@pytest.mark.parametrize("stage", ["embed", "train"])
def test_phylum_with_fine_tuning(finished, capsys, stage):
    toy.write_params(finished, TOLD | {"train.fine_tune.epochs": 9})
    message = refused(stage, capsys)
    assert "train.fine_tune.epochs must be 0 with model.inputs=[image, phylum], as" in message
    assert "Received: 9. Set it in params.yaml" in message


# The weights

# Model -> what is expected, what to do
WEIGHTS_REFUSALS = {
    "mobilenetv2": ("Expected weights of mobilenetv2", "dvc exp run -S model.weights=PATH"),
    "efficientnetlite0": ("must have SHA-256", "fetch it again"),
}


@pytest.fixture(scope="module")
def foreign_weights(tmp_path_factory):
    import keras

    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    path = tmp_path_factory.mktemp("weights") / "foreign.weights.h5"
    model.save_weights(path)
    return path


@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnetlite0"])
def test_weights_of_another_model(finished, capsys, foreign_weights, name):
    toy.write_params(finished, {"model.name": name, "model.weights": str(foreign_weights)})
    message = refused("embed", capsys)
    expected, what_to_do = WEIGHTS_REFUSALS[name]
    assert "foreign.weights.h5" in message
    assert re.search(f"{expected}.*Received: .*{what_to_do}", message)


@pytest.mark.parametrize("name", ["mobilenetv2", "efficientnetlite0"])
def test_weights_not_weights(finished, capsys, name):
    (finished / "notes.h5").write_text("not weights")
    toy.write_params(finished, {"model.name": name, "model.weights": "notes.h5"})
    expected, what_to_do = WEIGHTS_REFUSALS[name]
    assert re.search(f"{expected}.*Received: .*{what_to_do}", refused("embed", capsys))


def test_weights_missing(finished, capsys):
    toy.write_params(finished, {"model.weights": "data/weights/mine.h5"})
    assert "'data/weights/mine.h5', where there is no file. Mend it" in refused("embed", capsys)


def test_background_weights_missing(finished, capsys):
    weights = "data/weights/u2netp.onnx"
    toy.write_params(
        finished, {"preprocess.treatment": "remove_background", "preprocess.remove_background.weights": weights}
    )
    message = refused("preprocess", capsys)
    assert f"must be auto or an ONNX file of u2netp. Received: '{weights}', where there is no file. Name" in message


# Earlier stages


@pytest.mark.parametrize("stage", toy.STAGES[1:])
def test_stage_before_its_input(project, capsys, stage):
    assert toy.run_stage(stage) == 1
    assert re.search(
        "Expected .*Received: .*Run the stage that writes it first", one_message(stage, capsys.readouterr().err)
    )
    assert not any(path.is_file() for path in (project / "metrics").rglob("*"))
    assert not list(project.rglob("*.partial"))


# The disk


@pytest.mark.parametrize(
    ("stage", "n_bytes"),
    [
        ("unzip", 1_000),  # in the first photo
        ("clean", 3_000),  # in the manifest
        ("split", 1_500),
        ("preprocess", 15_000),  # in the first shard
        ("embed", 50_000),  # in the training features
        ("train", 50_000),  # in the model
        ("tune", 50_000),
        ("evaluate", 5_000),  # in the first picture
    ],
)
def test_disk_full(whole, capsys, stage, n_bytes):
    before = outputs(whole)
    with files_no_longer_than(n_bytes):
        message = refused(stage, capsys)
    assert outputs(whole) == before
    assert re.search(FULL_DISK, message)
    assert re.search("Free some space|Raise the limit", message)


def no_space_left(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_disk_full_where_pictures_are_drawn_beside(whole, capsys, monkeypatch):
    monkeypatch.setattr("rare_species.evaluate.write_outputs.write_plots", no_space_left)
    before = outputs(whole)
    assert re.search(FULL_DISK, refused("evaluate", capsys))
    assert outputs(whole) == before


def test_disk_full_leaves_no_traceback_when_the_process_ends(whole):
    before = toy.snapshot(whole)
    result = subprocess.run(
        [sys.executable, "-m", "stages.train"],
        env=os.environ | {"PYTHONPATH": str(toy.REPO)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert re.search(FULL_DISK, one_message("train", result.stderr))
    assert toy.snapshot(whole) == before


# The loss


def spoil_features(folder: Path) -> None:
    """Make the features so large that a linear classifier overflows after one step."""
    for path in (folder / "data/features").glob("*.npz"):
        with np.load(path) as arrays:
            spoiled = dict(arrays) | {"values": np.full_like(arrays["values"], 1e30)}
        np.savez(path, allow_pickle=False, **spoiled)
    write_checksums(folder / "data/features")


DIVERGING = {"name": "sgd", "learning_rate": 1.0, "weight_decay": 0.0, "momentum": 0.99}


def test_loss_becomes_nan_in_train(whole, capsys):
    spoil_features(whole)
    toy.write_params(whole, {"train.optimizer": DIVERGING, "train.head.units": []})
    message = refused("train", capsys)
    assert re.search("Expected a finite loss. Received: .*NaN or infinite in epoch 1 at learning rate", message)
    assert "dvc exp run -S train.optimizer.learning_rate=0.0001" in message


def test_loss_becomes_nan_in_every_trial(whole, capsys):
    spoil_features(whole)
    toy.write_params(whole, {"tune.base.optimizer": DIVERGING, "tune.space.head.units.choices": [[]]})
    message = refused("tune", capsys)
    received = "NaN or infinite, or its parameters do not go together; the log says which. Lower tune.space.optimizer"
    assert re.search(f"Expected at least one of 2 trials .*{received}", message)
    assert not list((whole / "data/searches").glob("*.log"))
