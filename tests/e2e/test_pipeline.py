"""The real commands of DVC in a repository of their own: repro, experiments, comparisons."""

import csv
import io
import json
import re
import shutil
import sys
from dataclasses import dataclass

import pytest

from tests import toy
from tests.e2e.repository import Repo, stages_run

# A change that re-runs train and evaluate, one that re-runs evaluate only
DROPOUT, TOP_K = "train.head.dropout=0.1", "evaluate.top_k=1"
CONFUSION = "plots_evaluate_train_plots_sklearn_confusion_json"  # as DVC's page calls it


@dataclass(frozen=True)
class Experiments:
    """Three experiments, run in three ways.

    Attributes:
        repo: its workspace is back at the last commit.
        outputs: what DVC said, by the experiment's name.
    """

    repo: Repo
    outputs: dict[str, str]


@pytest.fixture(scope="session")
def experiments(reproduced) -> Experiments:
    """Run here, in a temporary copy, and from the queue; before the queue runs, the workspace's code is broken."""
    repo = reproduced.repo
    outputs = {"dropout": repo.dvc("exp", "run", "--name", "dropout", "--set-param", DROPOUT)}
    repo.reset()
    outputs["temp"] = repo.dvc("exp", "run", "--temp", "--name", "temp", "--set-param", TOP_K)
    repo.dvc("exp", "run", "--queue", "--name", "queued", "--set-param", TOP_K)
    code = repo.folder / "rare_species/evaluate/candidate_metrics.py"
    code.write_text("raise SystemExit('code of the workspace')\n", encoding="utf-8")
    outputs["queued"] = repo.dvc("exp", "run", "--run-all")
    repo.reset()
    return Experiments(repo, outputs)


def exp_table(repo: Repo) -> dict[str, dict[str, str]]:
    """`dvc exp show --csv` by experiment, or revision where it has no name."""
    rows = csv.DictReader(io.StringIO(repo.dvc("exp", "show", "--csv")))
    return {row["Experiment"] or row["rev"]: row for row in rows}


def test_repro_runs_every_stage_once(reproduced):
    assert sorted(stages_run(reproduced.output)) == sorted(toy.STAGES)
    assert reproduced.repo.git("status", "--porcelain") == ""


def test_repro_says_nothing_alarming(reproduced):
    # Nothing of Python's, nothing of DVC's and nothing of TensorFlow's, beside a bar or on a line of its own
    alarming = r"Traceback|\w+Warning:|\b(?:WARNING|ERROR|INFO):|\b[EWIF]\d{4} \d|cuInit|oneDNN|TensorFlow binary"
    assert not re.findall(alarming, reproduced.output)


def test_second_repro_runs_nothing(reproduced):
    assert stages_run(reproduced.repo.dvc("repro")) == []


def test_forced_repro_leaves_the_lock_as_it_is(reproduced):
    lock = reproduced.repo.folder / "dvc.lock"
    before = lock.read_bytes()
    assert sorted(stages_run(reproduced.repo.dvc("repro", "--force"))) == sorted(toy.STAGES)
    assert lock.read_bytes() == before
    assert reproduced.repo.git("status", "--porcelain") == ""


def test_unreadable_parameter_fails_with_our_message(reproduced):
    output = reproduced.repo.dvc("exp", "run", "-S", "train.optimizer.learning_rate=abc", code=255)
    reproduced.repo.reset()
    assert "train: train.optimizer.learning_rate: Input should be a valid number" in output
    assert (
        "Received: 'abc'. Set it in params.yaml or with dvc exp run -S train.optimizer.learning_rate=VALUE." in output
    )
    assert "Traceback" not in output


def test_experiment_reruns_only_what_reads_the_parameter(experiments):
    assert stages_run(experiments.outputs["dropout"]) == ["train", "evaluate"]


@pytest.mark.parametrize("name", ["temp", "queued"])
def test_experiment_in_a_copy_runs_the_code_of_the_copy(experiments, name):
    output = experiments.outputs[name]
    assert stages_run(output) == ["evaluate"]
    imported = re.findall("stages from (.*)", output)
    assert imported
    assert all(path.startswith(str(experiments.repo.folder / ".dvc/tmp/exps")) for path in imported)


def test_exp_show_csv_lists_metrics_and_parameters(experiments):
    table = exp_table(experiments.repo)
    assert {"dropout", "temp", "queued"} <= set(table)
    assert {table[name]["State"] for name in ("temp", "queued")} <= {"", "Success"}
    assert float(table["dropout"]["train.head.dropout"]) == 0.1
    assert 0 <= float(table["temp"]["train.test.accuracy"]) <= 1


def test_exp_show_json_lists_every_metrics_file(experiments):
    (baseline,) = [
        entry for entry in json.loads(experiments.repo.dvc("exp", "show", "--json")) if entry["rev"] != "workspace"
    ]
    names = {f"metrics/{stage}.json" for stage in toy.STAGES}
    assert set(baseline["data"]["metrics"]) == names
    assert len(baseline["experiments"]) == 3
    for experiment in baseline["experiments"]:
        assert set(experiment["revs"][0]["data"]["metrics"]) == names


def test_metrics_diff_shows_what_moved(experiments):
    changes = json.loads(experiments.repo.dvc("metrics", "diff", "--json", "main", "dropout"))
    loss = changes["metrics/train.json"]["val_loss"]
    assert loss["old"] != loss["new"]
    assert set(changes) == {"metrics/train.json", "metrics/evaluate.json"}


def test_params_diff_shows_the_parameters_that_were_set(experiments):
    parameters = json.loads(experiments.repo.dvc("params", "diff", "--json", "dropout", "temp"))["params.yaml"]
    changes = {parameter: (change["old"], change["new"]) for parameter, change in parameters.items()}
    assert changes == {"train.head.dropout": (0.1, 0.4), "evaluate.top_k": (2, 1)}


def test_experiments_are_compared_by_name(experiments):
    output = experiments.repo.run(sys.executable, "-m", "rare_species", "compare", "dropout", "temp", "--json")
    found = json.loads(output)
    assert [found[side]["name"] for side in ("base", "head")] == ["dropout", "temp"]
    assert {parameter: tuple(change.values()) for parameter, change in found["params"].items()} == {
        "train.head.dropout": (0.1, 0.4),
        "evaluate.top_k": (2, 1),
    }
    experiments.repo.run(sys.executable, "-m", "rare_species", "compare", "no-such-experiment", code=3)


def test_plots_diff_draws_both_experiments(experiments, tmp_path):
    experiments.repo.dvc("plots", "diff", "dropout", "temp", "--out", str(tmp_path))
    values = plotted_values((tmp_path / "index.html").read_text(encoding="utf-8"))
    for plot, fields in {"train_loss": {"step", "loss"}, CONFUSION: {"actual", "predicted"}}.items():
        assert {value["rev"] for value in values[plot]} == {"dropout", "temp"}
        assert all(fields <= set(value) for value in values[plot])
    assert {path.name.split("_")[0] for path in (tmp_path / "static").iterdir()} == {"dropout", "temp"}


def plotted_values(page: str) -> dict[str, list[dict[str, str]]]:
    """The data of every plot of DVC's page, by the plot's name."""
    starts = re.finditer(r'<div id ?= ?"([^"]+)">\s*<script[^>]*>\s*var spec = ', page)
    specs = {start[1]: json.JSONDecoder().raw_decode(page[start.end() :])[0] for start in starts}
    return {name: spec["data"]["values"] for name, spec in specs.items()}


def test_archive_tracked_with_dvc_outlives_an_experiment(reproduced, tmp_path):
    """DVC takes links away that it does not know, and looks into no folder that git ignores."""
    repo = Repo(shutil.copytree(reproduced.repo.folder, tmp_path / "repo"), reproduced.repo.environment)
    mine = repo.folder / "data/raw/mine.zip"
    shutil.copy(repo.folder / toy.PARAMETERS["unzip.archive"], mine)
    repo.dvc("add", "data/raw/mine.zip")
    repo.git("add", ".")
    repo.git("commit", "--quiet", "--message", "Track my archive")
    assert "data/raw/mine.zip.dvc" in repo.git("ls-files", "data/raw").split()
    assert stages_run(repo.dvc("exp", "run", "-S", "evaluate.top_k=1")) == ["evaluate"]
    assert mine.is_file()
