"""The command predict from end to end, with a champion that goes by colour."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from rare_species.cli import predict
from rare_species.data.photo_batches import photo_batches
from rare_species.evaluate.calibration import calibrate
from rare_species.evaluate.champion_file import read_classifier
from rare_species.networks.inference import predict as run_model
from rare_species.parallel.pools import map_in_threads
from rare_species.predict.photo_files import Photo, photo_reader
from rare_species.predict.predictor import BATCH, open_predictor
from rare_species.saved_models.network_file import load_network
from tests import toy
from tests.disk import files_no_longer_than
from tests.unit.tf_fixtures import SIDE_PX, save_toy_champion


@pytest.fixture(scope="module")
def champion(tmp_path_factory):
    return save_toy_champion(tmp_path_factory.mktemp("champion"))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Two photos of each family in folders of their own; the current folder is above them."""
    drawn, _ = toy.draw_photos(dict.fromkeys(toy.FAMILIES, 2))
    for path, data in drawn.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    monkeypatch.chdir(tmp_path)
    return list(drawn)


def run(champion, *arguments):
    return predict.main([*map(str, arguments), "--model", str(champion)])


def test_table(champion, photos, capsys):
    assert run(champion, *toy.FAMILIES) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split()[:3] == ["file", "answer", "probability"]
    assert [row.split()[:2] for row in rows] == [[path, path.split("/")[0]] for path in photos]
    assert {row.index(" 0.") for row in rows} == {header.index("probability") + 5}


def test_json(champion, photos, capsys):
    assert run(champion, "*/*.jpg", "--json", "--top", "2") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [answer["file"] for answer in answers] == photos
    assert all(answer["answer"] == answer["file"].split("/")[0] and len(answer["families"]) == 2 for answer in answers)
    phyla = {answer["answer"]: answer["families"][0]["phylum"] for answer in answers}
    assert phyla == {"Felidae": "Chordata", "Formicidae": "Arthropoda", "Ranidae": "Chordata"}


def test_csv_lists_no_more_families_than_there_are(champion, photos, capsys):
    assert run(champion, "Felidae", "--csv") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["file"] for row in rows] == photos[:2]
    assert "family3" in rows[0]
    assert "family4" not in rows[0]
    assert sum(float(rows[0][f"probability{place}"]) for place in (1, 2, 3)) == pytest.approx(1, abs=1e-5)


@pytest.mark.usefixtures("photos")
def test_phylum_is_answered_when_the_family_is_unsure(tmp_path, capsys):
    unsure = save_toy_champion(tmp_path / "unsure", family_threshold=1.0)
    assert run(unsure, "Ranidae", "--json") == 0
    answers = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {(answer["level"], answer["answer"]) for answer in answers} == {("phylum", "Chordata")}


def test_files_that_cannot_be_read_are_told_and_skipped(champion, photos, tmp_path, capsys):
    (tmp_path / "Felidae/broken.jpg").write_bytes((tmp_path / photos[0]).read_bytes()[:-300])
    (tmp_path / "notes.txt").write_text("no photo", encoding="utf-8")
    assert run(champion, "Felidae", "notes.txt", "--json") == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == photos[:2]
    assert "predict: skipped Felidae/broken.jpg: image file is truncated" in err
    assert "predict: skipped notes.txt: not an image of a known format\n" in err
    assert err.endswith("predict: skipped 2 of 4 files\n")


def test_a_photo_of_one_colour_is_skipped(champion, photos, tmp_path, capsys):
    Image.new("RGB", (90, 60), (200, 60, 40)).save(tmp_path / "Felidae/lens_cap.png")
    assert run(champion, "Felidae", "--json") == 2
    out, err = capsys.readouterr()
    assert [json.loads(line)["file"] for line in out.splitlines()] == photos[:2]
    assert "predict: skipped Felidae/lens_cap.png: one colour everywhere, which shows nothing\n" in err


def test_photos_that_are_not_read_as_they_stand_are_told_once(champion, photos, tmp_path, capsys):
    grey = np.random.default_rng(0).integers(0, 4096, (2, 40, 40), dtype=np.uint16)
    for place, values in enumerate(grey):
        Image.fromarray(values).save(tmp_path / f"Felidae/z{place}.png")
    assert run(champion, "Felidae", "--json") == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(photos[:2]) + 2
    assert err.count("predict: ") == 1
    assert "predict: photos that fill little of the range of their numbers, stretched from black to white: 2" in err
    assert err.endswith(", first Felidae/z0.png\n")


def test_larger_photos_than_allowed_are_skipped(champion, photos, capsys):
    assert run(champion, photos[0], "--json", "--max-pixels", "99") == 2
    out, err = capsys.readouterr()
    assert (out, "pixels, more than 99 together" in err) == ("", True)


def test_nothing_but_files_that_cannot_be_read(champion, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("no photo", encoding="utf-8")
    assert run(champion, tmp_path / "notes.txt", "--csv") == 2
    assert capsys.readouterr().out.count("\n") == 1


@pytest.mark.usefixtures("photos")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "predict: Expected a photo, a folder or a pattern. Received: 'nowhere'"),
        (["Felidae", "--model", "nowhere"], "predict: Expected a champion in nowhere."),
        (["Felidae", "--phylum", "Chordata"], "predict: Expected no --phylum"),
        (
            ["Felidae", "--explain", "Felidae"],
            ". Name a folder that holds none of the photos.",
        ),
        (
            ["Felidae", "--explain", "."],
            "predict: Expected --explain to name a folder without the photos, or the next run",
        ),
        (["Felidae", "--explain", "notes.txt/new"], "Received: notes.txt/new, and notes.txt is a file."),
    ],
)
def test_mistakes_are_told_and_nothing_is_predicted(champion, capsys, arguments, message):
    Path("notes.txt").write_text("no folder", encoding="utf-8")
    assert predict.main(["--model", str(champion), *arguments]) == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments", [[], ["Felidae", "--top", "0"], ["Felidae", "--top", "x"], ["Felidae", "--json", "--csv"]]
)
def test_a_wrong_command_line_has_the_exit_code_of_a_mistake(capsys, arguments):
    with pytest.raises(SystemExit) as stopped:
        predict.main(arguments)
    assert stopped.value.code == 1
    err = capsys.readouterr().err
    assert "usage: python -m rare_species predict" in err
    assert "--top" not in arguments or err.endswith("For example: 5\n")


@pytest.mark.usefixtures("photos")
def test_phylum_is_told(tmp_path):
    conditioned = save_toy_champion(tmp_path / "conditioned", conditioned=True)
    assert run(conditioned, "Felidae", "--phylum", "Chordata", "--explain", "explained") == 0
    assert len(list((tmp_path / "explained").iterdir())) == 2


def test_explanations_lie_as_the_photos_do(champion, photos, tmp_path):
    assert run(champion, "Felidae", "Ranidae", "--explain", "new/explained") == 0
    found = {path.relative_to(tmp_path / "new/explained").as_posix() for path in (tmp_path / "new").rglob("*.jpg")}
    assert found == {f"{path}.gradcam.jpg" for path in photos if "Formicidae" not in path}
    with Image.open(tmp_path / "new/explained" / f"{photos[0]}.gradcam.jpg") as image:
        assert image.size == (SIDE_PX, SIDE_PX)


@pytest.mark.usefixtures("photos")
def test_a_name_that_leaves_no_room_for_an_explanation_is_told_at_once(champion, capsys):
    name = f"{'a' * 240}.jpg"
    Path(name).write_bytes(b"never read")
    assert run(champion, "Felidae", name, "--explain", "explained") == 1
    out, err = capsys.readouterr()
    assert (out, f"Received: {name}, of 244 bytes. Shorten it." in err) == ("", True)


@pytest.mark.usefixtures("photos")
def test_explanations_are_whole_or_not_there(champion, tmp_path, capsys):
    with files_no_longer_than(500):
        assert run(champion, "Felidae", "--explain", "explained") == 1
    assert [path for path in (tmp_path / "explained").rglob("*") if path.is_file()] == []
    assert "half-written" not in capsys.readouterr().err


def test_words_about_explanations_and_exit_codes_are_true(capsys):
    with pytest.raises(SystemExit):
        predict.main(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "heatmap of what speaks for its likeliest family" in said
    assert "nothing was predicted" not in said


def test_probabilities_are_those_of_the_pipeline(champion, packed, tmp_path):
    rows = packed.rows("test")
    drawn, _ = toy.draw_photos()
    files = [tmp_path / path.replace("/", "_") for path in rows["file_path"]]
    for path, file in zip(rows["file_path"], files, strict=True):
        file.write_bytes(drawn[path])
    predictor = open_predictor(read_classifier(champion), None)
    photos = map(photo_reader(packed.preprocessing, 10**6), files)
    found = [prediction.probabilities for prediction in predictor.run(photos)]
    model = load_network(read_classifier(champion))
    expected = calibrate(run_model(model, photo_batches(packed, rows, 64)), 1.5)
    np.testing.assert_allclose(np.stack(found), expected, atol=1e-6)


def test_photos_are_taken_a_batch_at_a_time(champion):
    taken = []

    def read(number):
        taken.append(number)
        return Photo(str(number), np.full((SIDE_PX, SIDE_PX, 3), number, np.uint8))

    predictor = open_predictor(read_classifier(champion), None)
    predictions = predictor.run(map(read, range(3 * BATCH)))
    next(predictions)
    assert len(taken) == BATCH
    assert [int(prediction.photo.path) for prediction in predictions] == list(range(1, 3 * BATCH))


def test_order_holds_where_whole_batches_cannot_be_read(champion):
    photos = [Photo(str(number), None, "broken") for number in range(BATCH + 1)]
    photos.append(Photo("last", np.zeros((SIDE_PX, SIDE_PX, 3), np.uint8)))
    predictor = open_predictor(read_classifier(champion), None)
    found = list(predictor.run(map_in_threads(lambda photo: photo, photos, workers=2, ahead=4)))
    assert [prediction.photo for prediction in found] == photos
    assert [prediction.probabilities is None for prediction in found] == [True] * (BATCH + 1) + [False]


@pytest.mark.usefixtures("photos")
def test_a_reader_that_has_had_enough_is_no_error(champion):
    command = f"{sys.executable} -m rare_species predict Felidae Ranidae --model {champion} --json"
    result = subprocess.run(
        ["bash", "-o", "pipefail", "-c", f"{command} | true"],
        env=os.environ | {"PYTHONPATH": str(toy.REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    assert "Broken pipe" not in result.stderr
    assert result.returncode == 0
