"""Every stage on 3 families of 8 tiny photos: these files and only these, right counts, the same bytes again."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from rare_species.common.checksums import LIST_NAME, write_checksums
from rare_species.evaluate.figures import FIGURES
from rare_species.evaluate.write_outputs import TABLES
from rare_species.params.edit_file import apply
from rare_species.tune.figures import FILES
from tests import toy

CURVES = {
    f"plots/metrics/{split}/{name}.tsv"
    for split in ("train", "val")
    for name in ("loss", "accuracy", "auc", "macro_f1")
}
EVALUATION = {"explanations.jpg", "plots/sklearn/confusion.json", "plots/sklearn/most_confused.json", *TABLES, *FIGURES}
SECONDS = "data/searches/seconds.png"  # of the clock, and no output of the pipeline
MODEL = {"model.keras", "classes.json", "metadata.json", LIST_NAME}


def below(folder: str, names: set[str]) -> set[str]:
    return {f"{folder}/{name}" for name in names}


WRITTEN = {
    "unzip": {"metrics/unzip.json"}
    | below("data/labels", {"listing.csv", LIST_NAME})
    | below("data/images", {*toy.draw_photos()[0], "Felidae/notes.txt"}),
    "clean": {"metrics/clean.json"}
    | below("data/clean", {"manifest.csv", LIST_NAME})
    | below("plots/clean", {"families.png", "sizes.png", "rejected.jpg", "documents.jpg", LIST_NAME}),
    "split": {"metrics/split.json"}
    | below("data/split", {"split.csv", "classes.json", LIST_NAME})
    | below("plots/split", {"families.csv", "families.png", LIST_NAME}),
    "preprocess": {"metrics/preprocess.json"}
    | below(
        "data/processed",
        {"index.csv", "packed.json", LIST_NAME, *(f"shard-0000{number}.tar" for number in range(3))},
    )
    | below("plots/preprocess", {"train.jpg", "val.jpg", "test.jpg", LIST_NAME}),
    "embed": {"metrics/embed.json"}
    | below("data/features", {"train.npz", "val.npz", "test.npz", "backbone.json", "backbone.keras", LIST_NAME}),
    "train": {"metrics/train.json"}
    | below("models/train", MODEL)
    | below("plots/train", CURVES | {"curves.png", "augmentation.jpg", LIST_NAME}),
    "tune": {"metrics/tune.json", SECONDS}
    | below("models/tune", MODEL | {"best.yaml"})
    | below("plots/tune", CURVES | {"trials.csv", *FILES, LIST_NAME}),
    "evaluate": {"metrics/evaluate.json", f"plots/evaluate/{LIST_NAME}"}
    | below("models/champion", MODEL)
    | below("plots/evaluate/train", EVALUATION)
    | below("plots/evaluate/tune", EVALUATION),
}


def metrics(folder: Path, stage: str) -> dict:
    return json.loads((folder / "metrics" / f"{stage}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("stage", toy.STAGES)
def test_stage_writes_these_files_and_only_these(chain, stage):
    assert chain.written[stage] == WRITTEN[stage]


def test_nothing_else_is_there_at_the_end(chain):
    given = {"params.yaml", "data/exclude.csv", "data/raw/sample.zip"}
    assert set(toy.snapshot(chain.folder)) == given.union(*WRITTEN.values())


def test_unzip_counts(chain):
    assert metrics(chain.folder, "unzip") == {
        "files": 25,
        "junk": 0,
        "outside": 0,
        "labels": 24,
        "families": 3,
        "phyla": 2,
        "species": 3,
        "unread_ids": 0,
    }


def test_clean_passes_over_the_file_that_is_no_image(chain):
    counts = metrics(chain.folder, "clean")
    assert set(counts.pop("rejected").values()) == {0}
    assert counts.pop("guessed") == {"stretched": 0, "opaque": 0}
    assert counts == {
        "kept": 24,
        "documents": None,
        "format_differs_from_extension": 0,
        "families": 3,
        "smallest_family": 8,
        "largest_family": 8,
        "other_files": 1,
    }


def test_split_gives_each_family_its_share(chain):
    # of 8 photos 0.72, 0.18 and 0.10 are 5.76, 1.44 and 0.8: whole photos are 6, 1 and 1
    counts = metrics(chain.folder, "split")
    for split, images in {"train": 18, "val": 3, "test": 3}.items():
        assert counts[split] == {"images": images, "families": 3, "groups": images}
    assert counts["family_share_deviation"] == pytest.approx(0.055)  # val: 1 / 8 - 0.18
    assert (counts["leaked_pairs"], counts["families_without_val"], counts["families_without_test"]) == (0, 0, 0)


@pytest.mark.parametrize(
    ("change", "pairs"), [({"eol_content_id": "DSC_{}"}, None), ({"eol_page_id": ""}, None), ({}, 0)]
)
def test_leaks_that_nobody_can_see_are_not_none(tmp_path, monkeypatch, caplog, change, pairs):
    monkeypatch.chdir(tmp_path)
    toy.write_project(tmp_path)
    photos, rows = toy.draw_photos()
    rows[0] |= {column: text.format(rows[0][column]) for column, text in change.items()}
    toy.write_zip(tmp_path / toy.PARAMETERS["unzip.archive"], {"metadata.csv": toy.write_metadata(rows), **photos})
    assert [toy.run_stage(stage) for stage in ("unzip", "clean", "split")] == [0, 0, 0]
    assert metrics(tmp_path, "split")["leaked_pairs"] == pairs
    assert metrics(tmp_path, "unzip")["unread_ids"] == len([column for column in change if column == "eol_content_id"])
    assert ("1 of 24 content ids" in caplog.text) == (pairs is None)
    toy.write_params(tmp_path, {"split.burst_gap": 0})
    assert toy.run_stage("split") == 0
    assert metrics(tmp_path, "split")["leaked_pairs"] == 0


def test_a_listing_of_the_archive_is_a_file_like_any_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    toy.write_project(tmp_path)
    photos, rows = toy.draw_photos()
    files = {"metadata.csv": toy.write_metadata(rows), "listing.csv": b"mine", **photos}
    toy.write_zip(tmp_path / toy.PARAMETERS["unzip.archive"], files)
    assert [toy.run_stage(stage) for stage in ("unzip", "clean")] == [0, 0]
    assert (tmp_path / "data/images/listing.csv").read_bytes() == b"mine"
    assert metrics(tmp_path, "unzip")["files"] == len(files) - 1
    assert metrics(tmp_path, "clean")["other_files"] == 1


def test_photos_on_both_sides_of_a_rejected_one_stay_together(chain, tmp_path, monkeypatch):
    """A burst 1000, 1002, 1004 of which the middle one was rejected."""
    folder = shutil.copytree(chain.folder, tmp_path / "chain")
    manifest = pd.read_csv(folder / "data/clean/manifest.csv", dtype=str, keep_default_na=False)
    burst = manifest.index[manifest["family"] == "Felidae"][:3]
    manifest.loc[burst, "species"], manifest.loc[burst, "content_id"] = "9", ["1000", "1002", "1004"]
    manifest.loc[burst[1], ["status", "reason", "phash"]] = ["rejected", "unreadable", ""]
    manifest.to_csv(folder / "data/clean/manifest.csv", index=False)
    write_checksums(folder / "data/clean")
    monkeypatch.chdir(folder)
    assert toy.run_stage("split") == 0
    table = pd.read_csv("data/split/split.csv").set_index("file_path")
    assert table.loc[manifest.loc[burst[[0, 2]], "file_path"], "group"].nunique() == 1


def test_species_held_out_are_in_test_alone_and_are_counted(chain, tmp_path, monkeypatch):
    """The eight cats are made five of one species and three of another."""
    folder = shutil.copytree(chain.folder, tmp_path / "chain")
    manifest = pd.read_csv(folder / "data/clean/manifest.csv", dtype=str, keep_default_na=False)
    rare = manifest.loc[manifest.index[manifest["family"] == "Felidae"][:3], "file_path"]
    manifest.loc[manifest["file_path"].isin(rare), "species"] = "9"
    manifest.to_csv(folder / "data/clean/manifest.csv", index=False)
    write_checksums(folder / "data/clean")
    toy.write_params(folder, {"split.holdout_species": True})
    monkeypatch.chdir(folder)
    assert toy.run_stage("split") == 0
    table = pd.read_csv("data/split/split.csv", dtype=str)
    assert set(table.loc[table["held_out_species"] == "1", "file_path"]) == set(rare)
    assert set(table.loc[table["species"] == "9", "split"]) == {"test"}
    assert set(table.loc[table["species"] == "11", "split"]) == {"train", "val"}
    assert metrics(folder, "split")["held_out_species"] == {"images": 3, "species": 1, "families": 1}
    counts = pd.read_csv("plots/split/families.csv", index_col="family")
    assert counts.loc["Felidae"].to_dict() == {"species": 2, "train": 4, "val": 1, "test": 3, "held_out_species": 3}


def test_plain_split_is_made_once(chain, tmp_path, monkeypatch):
    folder = shutil.copytree(chain.folder, tmp_path / "chain")
    monkeypatch.chdir(folder)
    monkeypatch.setattr("stages.split.assign_others", lambda *_: pytest.fail("no species is held out"))
    before = Path("data/split/split.csv").read_bytes()
    assert toy.run_stage("split") == 0
    assert Path("data/split/split.csv").read_bytes() == before


def test_class_ids_are_alphabetical(chain):
    classes = json.loads((chain.folder / "data/split/classes.json").read_text(encoding="utf-8"))
    assert [(entry["class_id"], entry["family"]) for entry in classes] == [
        (0, "Felidae"),
        (1, "Formicidae"),
        (2, "Ranidae"),
    ]


def test_preprocess_and_embed_count_every_photo(chain):
    packed = metrics(chain.folder, "preprocess")
    assert (packed["images"], packed["shards"]) == (24, 3)
    assert metrics(chain.folder, "embed") == {"train": 18, "val": 3, "test": 3, "feature_size": 1280}


def test_train_reports_the_best_epoch_of_its_curves(chain):
    scores = metrics(chain.folder, "train")
    curve = pd.read_csv(chain.folder / "plots/train/plots/metrics/val/loss.tsv", sep="\t")
    assert len(curve) == 3
    assert scores["best_epoch"] == curve["step"][curve["loss"].argmin()]
    assert list(curve["step"]) == [1, 2, 3]
    assert scores["val_loss"] == pytest.approx(curve["loss"].min())


def test_tune_lists_every_trial(chain):
    trials = pd.read_csv(chain.folder / "plots/tune/trials.csv")
    counts = metrics(chain.folder, "tune")["trials"]
    assert trials["trial"].tolist() == [0, 1]
    assert sum(counts.values()) == 2
    assert counts["complete"] == (trials["state"] == "complete").sum()


def test_best_parameters_of_tune_can_be_applied_and_are_those_it_was_fitted_with(chain, tmp_path):
    params = Path(shutil.copy(chain.folder / "params.yaml", tmp_path))
    apply(chain.folder / "models/tune/best.yaml", params)
    train = yaml.safe_load(params.read_text(encoding="utf-8"))["train"]
    fitted = json.loads((chain.folder / "models/tune/metadata.json").read_text(encoding="utf-8"))["params"]
    assert {parameter: train[parameter] for parameter in fitted} == fitted
    assert set(train) > set(fitted)


def test_evaluate_scores_agree_with_its_own_predictions(chain):
    scores = metrics(chain.folder, "evaluate")
    assert scores["champion"] in {"train", "tune"}
    assert scores["champion"] == max(("train", "tune"), key=lambda name: scores[name]["val"]["macro_f1"])
    for name in ("train", "tune"):
        table = pd.read_csv(chain.folder / f"plots/evaluate/{name}/predictions.csv")
        assert len(table) == 3
        assert scores[name]["test"]["accuracy"] == pytest.approx((table["family"] == table["predicted"]).mean())
        assert scores[name]["test"]["top2_accuracy"] == pytest.approx((table["true_rank"] <= 2).mean())


def test_champion_answers_from_the_photo_as_it_is_whatever_copies_evaluate_averages(chain, tmp_path, monkeypatch):
    folder = shutil.copytree(chain.folder, tmp_path / "copies")
    toy.write_params(folder, {"evaluate.test_time_copies": 1})
    monkeypatch.chdir(folder)
    assert toy.run_stage("evaluate") == 0
    assert metrics(folder, "evaluate")["train"]["test"] != metrics(chain.folder, "evaluate")["train"]["test"]
    plain, found = (
        json.loads((place / "models/champion/metadata.json").read_text(encoding="utf-8"))
        for place in (chain.folder, folder)
    )
    assert found["champion"] == plain["champion"]  # two photos of each family: both candidates do as well with copies
    assert (found["calibration"], found["test"]) == (plain["calibration"], plain["test"])


def test_cnn_learns_from_photos_and_is_not_tuned(cnn_chain):
    folder = cnn_chain.folder
    assert cnn_chain.written["embed"] == WRITTEN["embed"] - {"data/features/backbone.keras"}
    assert cnn_chain.written["train"] == WRITTEN["train"]
    drawn = below("plots/tune", {"trials.csv", *FILES, LIST_NAME})
    saved = below("models/tune", {"skipped.json", LIST_NAME})
    assert cnn_chain.written["tune"] == {"metrics/tune.json"} | saved | drawn
    assert cnn_chain.written["evaluate"] == WRITTEN["evaluate"] - below("plots/evaluate/tune", EVALUATION)
    assert (metrics(folder, "embed")["feature_size"], metrics(folder, "tune")) == (0, {"trials": 0})
    assert set(metrics(folder, "evaluate")) == {"champion", "train"}
    for name in ("train", "champion"):
        metadata = json.loads((folder / "models" / name / "metadata.json").read_text(encoding="utf-8"))
        assert metadata["cores"] == len(os.sched_getaffinity(0))


def test_classifier_that_is_told_the_phylum_goes_through_all_stages(phylum_chain):
    folder = phylum_chain.folder
    for stage in ("embed", "train", "tune", "evaluate"):
        assert phylum_chain.written[stage] == WRITTEN[stage]
    for name in ("train", "tune"):
        metadata = json.loads((folder / "models" / name / "metadata.json").read_text(encoding="utf-8"))
        assert metadata["input"]["phyla"] == ["Arthropoda", "Chordata"]
        assert metadata["cores"] is None
    assert set(metrics(folder, "evaluate")) == {"champion", "train", "tune"}


@pytest.mark.parametrize(("split", "rows"), [("train", 36), ("val", 3), ("test", 3)])
def test_features_end_in_the_phylum_those_of_copies_too(chain, phylum_chain, split, rows):
    with (
        np.load(chain.folder / f"data/features/{split}.npz") as plain,
        np.load(phylum_chain.folder / f"data/features/{split}.npz") as conditioned,
    ):
        values, labels, expected = conditioned["values"], conditioned["labels"], plain["values"]
    assert values.shape == (rows, 1280 + 2)
    arthropoda = labels == 1  # Formicidae
    np.testing.assert_array_equal(values[:, 1280:], np.column_stack([arthropoda, ~arthropoda]))
    np.testing.assert_array_equal(values[: len(expected), :1280], expected)


@pytest.fixture(scope="module")
def again(chain, tmp_path_factory):
    return shutil.copytree(chain.folder, tmp_path_factory.mktemp("again") / "chain")


@pytest.mark.parametrize("stage", toy.STAGES)
def test_running_again_gives_the_same_bytes(chain, again, monkeypatch, stage):
    monkeypatch.chdir(again)
    for path in WRITTEN[stage]:
        (again / path).unlink()  # what is there afterwards was written again
    assert toy.run_stage(stage) == 0
    found, before = toy.snapshot(again), toy.snapshot(chain.folder)
    assert found | {SECONDS: ""} == before | {SECONDS: ""}
