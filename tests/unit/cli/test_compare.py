"""rare_species.cli.compare on planted differences, in real git repositories: what it says and how it ends."""

import json
import re
import subprocess
import sys

import pytest

from rare_species.cli import compare
from rare_species.compare import judge
from tests import toy
from tests.unit.runs import COLUMNS, METRICS, SCORES, broken, draw_rows, new_repository

HEADER = ",".join(COLUMNS)
FINE, REGRESSED, NOT_COMPARABLE, ERROR = range(4)
pytestmark = pytest.mark.usefixtures("repository")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """One committed run, and the current folder."""
    monkeypatch.chdir(tmp_path)
    return new_repository(tmp_path)


def run(capsys, *arguments):
    """Exit code, stdout and stderr."""
    code = compare.main(list(arguments))
    return code, *capsys.readouterr()


def document(capsys, *arguments):
    """Exit code and what --json prints."""
    code, out, _ = run(capsys, "--json", *arguments)
    return code, json.loads(out)


# --- planted differences


def test_identical_runs_are_fine(capsys):
    code, out, err = run(capsys)
    assert (code, err) == (FINE, "")
    assert out.splitlines()[-1] == "fine: no metric regressed"
    assert "families that got" not in out
    assert "changed in params.yaml" not in out


def test_tenth_of_the_predictions_broken_is_a_regression(repository, capsys):
    repository.write(draw_rows(broken(0.1)))
    code, found = document(capsys)
    assert (code, found["verdict"]) == (REGRESSED, "regressed")
    accuracy = found["metrics"]["accuracy"]
    assert accuracy == pytest.approx(
        {"base": 0.9, "head": 0.8, "change": -0.1, "low": accuracy["low"], "high": accuracy["high"]}
        | {"status": "regressed"}
    )
    assert accuracy["low"] < -0.1 < accuracy["high"] < 0
    assert found["mcnemar"] == pytest.approx({"only_base": 20, "only_head": 0, "p": 2**-19})
    assert sum(family["base_hits"] - family["head_hits"] for family in found["worse"]) == 20


def test_better_run_is_fine(repository, capsys):
    repository.write(draw_rows([]))
    code, found = document(capsys)
    assert code == FINE
    assert {metric["status"] for metric in found["metrics"].values()} == {"improved"}
    assert len(found["better"]) == 40
    assert found["worse"] == []


def test_real_drop_below_the_floor_is_fine(repository, capsys):
    """The same drop of 0.1 that is a regression above."""
    tolerances = {f"compare.{name}.tolerance": 0.2 for name in ("macro_f1", "accuracy", "top_k_accuracy")}
    repository.write(draw_rows(broken(0.1)), parameters={**tolerances, "compare.loss.tolerance": 1})
    code, found = document(capsys)
    assert code == FINE
    assert {metric["status"] for metric in found["metrics"].values()} == {"worse, within the tolerance"}
    assert found["metrics"]["accuracy"]["high"] < 0


def test_drop_within_the_noise_is_fine_whatever_the_floor(repository, capsys):
    tolerances = {f"compare.{name}.tolerance": 0 for name in ("macro_f1", "accuracy", "top_k_accuracy", "loss")}
    repository.write(draw_rows(broken(0.015)), parameters=tolerances)
    code, found = document(capsys)
    assert code == FINE
    assert found["metrics"]["accuracy"]["change"] == pytest.approx(-0.015)
    assert {metric["status"] for metric in found["metrics"].values()} == {"no difference shown"}


@pytest.mark.parametrize(("parameter", "value"), [("accuracy.minimum", 0.95), ("loss.maximum", 0.1)])
def test_run_beyond_a_limit_regressed_though_nothing_changed(repository, capsys, parameter, value):
    repository.write(parameters={f"compare.{parameter}": value})
    code, found = document(capsys)
    assert code == REGRESSED
    assert found["metrics"][parameter.partition(".")[0]]["status"] == "beyond its limit"


def test_other_test_photos_are_not_comparable(repository, capsys):
    rows = draw_rows()
    rows[0]["file_path"], rows[7]["family"] = "new.jpg", "f30"
    repository.write(rows)
    code, out, err = run(capsys)
    assert (code, out) == (NOT_COMPARABLE, "")
    assert "1 in HEAD (" in err
    assert "1 in workspace alone: new.jpg" in err
    assert "1 of another family: 01/007.jpg: f01 -> f30" in err
    code, found = document(capsys)
    assert (code, found["verdict"]) == (NOT_COMPARABLE, "not comparable")
    assert (found["only_base"], found["only_head"]) == (["00/000.jpg"], ["new.jpg"])
    assert found["relabelled"] == {"01/007.jpg": {"base": "f01", "head": "f30"}}
    code, out, _ = run(capsys, "--markdown")
    assert code == NOT_COMPARABLE
    assert "new.jpg" in out


def test_order_of_the_photos_does_not_matter(repository, capsys):
    repository.write(draw_rows()[::-1])
    assert run(capsys)[0] == FINE


def test_loss_that_is_not_a_number_is_a_regression(repository, capsys):
    rows = draw_rows()
    rows[3]["true_probability"] = ""  # as pandas writes NaN
    repository.write(rows)
    code, found = document(capsys)
    assert code == REGRESSED
    loss = found["metrics"]["loss"]
    assert (loss["status"], loss["head"], loss["low"]) == ("not a number", None, None)
    assert found["metrics"]["accuracy"]["status"] == "no difference shown"


@pytest.mark.parametrize("value", ["NaN", "null", "Infinity"])
def test_metric_in_evaluate_json_that_is_not_a_number_is_a_regression(repository, capsys, value):
    file = repository.folder / "metrics/evaluate.json"
    file.write_text(file.read_text().replace("0.99", value))
    repository.seal()
    code, found = document(capsys)
    assert code == REGRESSED
    assert found["reasons"] == ["test.macro_auc is not a number"]


def test_metric_that_disappeared_is_a_regression(repository, capsys):
    scores = {name: value for name, value in SCORES.items() if name != "macro_auc"}
    repository.write(metrics={**METRICS, "test": scores})
    code, out, _ = run(capsys)
    assert code == REGRESSED
    assert out.splitlines()[-1] == "regressed: test.macro_auc disappeared"


def test_another_top_k_makes_no_metric_disappear(repository, capsys):
    scores = {name.replace("top5", "top3"): value for name, value in SCORES.items()}
    repository.write(metrics={**METRICS, "test": scores}, parameters={"evaluate.top_k": 3})
    code, found = document(capsys)
    assert code == FINE
    assert "top3_accuracy" in found["metrics"]
    assert found["params"] == {"evaluate.top_k": {"base": 5, "head": 3}}


# --- what is compared


def test_missing_experiment_is_an_error(capsys):
    code, out, err = run(capsys, "nothing-like-it")
    assert (code, out) == (ERROR, "")
    assert "Received: 'nothing-like-it', which is neither." in err


@pytest.mark.parametrize("model", ["train", "champion"])
def test_model_is_the_champion_of_each_side_or_the_one_named(repository, capsys, model):
    repository.write(draw_rows([]), model="tune")
    evaluation = {"champion": "tune", "tune": METRICS, "train": METRICS}
    (repository.folder / "metrics/evaluate.json").write_text(json.dumps(evaluation))
    repository.seal()
    _, found = document(capsys, "--model", model)
    assert (found["base"]["model"], found["head"]["model"]) == ("train", "tune" if model == "champion" else "train")
    assert found["metrics"]["accuracy"]["head"] == pytest.approx(1 if model == "champion" else 0.9)


def test_model_that_one_side_lacks_is_an_error(capsys):
    code, _, err = run(capsys, "--model", "tune")
    assert code == ERROR
    assert "Expected metrics of tune in metrics/evaluate.json of HEAD" in err
    assert "Received those of: train." in err


def test_two_commits_are_compared_by_the_rules_of_the_workspace(repository, capsys):
    repository.write(draw_rows(broken(0.1)), parameters={"train.head.dropout": 0.1})
    repository.commit()
    code, found = document(capsys, "HEAD~1", "HEAD")
    assert code == REGRESSED
    assert found["params"] == {"train.head.dropout": {"base": 0.4, "head": 0.1}}
    assert len(found["head"]["commit"]) == 40
    tolerant = {"compare.accuracy.tolerance": 1, "compare.macro_f1.tolerance": 1, "compare.loss.tolerance": 9}
    repository.write(parameters=tolerant)
    code, found = document(capsys, "HEAD~1", "HEAD")
    assert "accuracy" not in " ".join(found["reasons"]).replace("top5_accuracy", "")


def test_parameters_of_one_side_alone_are_told(repository, capsys):
    text = (repository.folder / "params.yaml").read_text()
    (repository.folder / "params.yaml").write_text(text.replace("  top_k: 5\n", "  top_k: 4\n"))
    repository.git("rm", "--quiet", "--cached", "params.yaml")
    (repository.folder / "old.yaml").write_text("evaluate: {old: 1}\n")
    blob = repository.git("hash-object", "-w", "old.yaml").strip()
    repository.git("update-index", "--add", "--cacheinfo", f"100644,{blob},params.yaml")
    repository.git("commit", "--quiet", "--message", "other parameters")
    _, found = document(capsys)
    assert found["params"]["evaluate.old"] == {"base": 1, "head": None}
    assert found["params"]["evaluate.top_k"] == {"base": None, "head": 4}


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("metrics/evaluate.json", "{", "Expected metrics/evaluate.json of workspace to be what its stage writes."),
        ("metrics/evaluate.json", "[]", "Received: Input should be an object"),
        ("metrics/evaluate.json", "[" * 5000, "Received: Invalid JSON: recursion limit exceeded"),
        ("metrics/evaluate.json", "{}", "Received: champion: Field required"),
        ("metrics/evaluate.json", '{"champion": "best"}', "Received: champion: Input should be 'train' or 'tune'"),
        ("metrics/evaluate.json", '{"champion": "tune"}', "Received those of: none"),
        ("plots/evaluate/train/predictions.csv", None, "make repro"),
        ("plots/evaluate/train/predictions.csv", "file_path,family\na,b\n", "Expected a table with file_path, family"),
        ("plots/evaluate/train/predictions.csv", "file_path\n", "Received: no rows"),
        ("plots/evaluate/train/predictions.csv", f"{HEADER}\na,b,b,1.5,1\n", "Expected families, probabilities from 0"),
        ("plots/evaluate/train/predictions.csv", f"{HEADER}\na,b,b,0.5,0\n", "and ranks from 1 in"),
        ("plots/evaluate/train/predictions.csv", f"{HEADER}\na,,b,0.5,1\n", "Expected families, probabilities from 0"),
        ("plots/evaluate/train/predictions.csv", f"{HEADER}\na,b,b,0.5,{10**30}\n", "OverflowError"),
        ("plots/evaluate/train/predictions.csv", f"{HEADER}\na,b\n", "Expected as many cells in each row as columns"),
        ("plots/evaluate/train/predictions.csv", f'{HEADER}\n"a', "Received: unexpected end of data"),
        ("params.yaml", "compare: [", "params.yaml must be YAML"),
        ("params.yaml", None, "Expected params.yaml in"),
    ],
)
def test_broken_files_are_errors(repository, capsys, file, text, expected):
    path = repository.folder / file
    path.unlink()
    if text is not None:
        path.write_text(text)
    if (repository.folder / "metrics/evaluate.json").exists():
        repository.seal()
    code, out, err = run(capsys)
    assert (code, out) == (ERROR, "")
    assert expected in err


@pytest.mark.parametrize("file", ["metrics/evaluate.json", "plots/evaluate/train/predictions.csv"])
@pytest.mark.parametrize("is_committed", [False, True])
def test_results_that_are_not_as_their_stage_wrote_them_are_errors(repository, capsys, file, is_committed):
    path = repository.folder / file
    path.write_text(path.read_text().replace("0.", "0.0", 1))
    if is_committed:
        repository.commit()
        repository.write()
    code, out, err = run(capsys)
    assert (code, out) == (ERROR, "")
    assert f"Expected {file} of {'HEAD (' if is_committed else 'workspace as its stage wrote it'}" in err
    assert "Received: other bytes." in err


def test_commit_from_before_checksums_is_taken_as_it_is_and_that_is_said(repository, capsys, caplog):
    repository.git("rm", "--quiet", "--cached", "plots/evaluate/SHA256SUMS")
    repository.git("commit", "--quiet", "--message", "older")
    assert run(capsys)[0] == FINE
    assert re.fullmatch(r"HEAD \(.{7}\) is from before checksums: what is in its plots/evaluate .*", caplog.messages[0])
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(("data", "expected"), [(None, "no such file there"), (b"\xff\n", "Received: another text")])
def test_workspace_without_checksums_is_an_error(repository, capsys, data, expected):
    file = repository.folder / "plots/evaluate/SHA256SUMS"
    file.unlink()
    if data is not None:
        file.write_bytes(data)
    code, out, err = run(capsys)
    assert (code, out) == (ERROR, "")
    assert expected in err
    assert "plots/evaluate/SHA256SUMS" in err


ENDLESS = "k0: &k0 [1]\n" + "".join(f"k{n}: &k{n} [{', '.join(9 * [f'*k{n - 1}'])}]\n" for n in range(1, 30))


@pytest.mark.parametrize(
    "text", ["train: " + "[" * 3000, "train: &a {head: *a}", "? [1]\n: 2", "train: 2020-13-41", ENDLESS]
)
def test_parameters_of_a_commit_that_cannot_be_gone_through_are_an_error(repository, capsys, text):
    (repository.folder / "params.yaml").write_text(text)
    repository.commit()
    repository.write()
    code, out, err = run(capsys)
    assert (code, out) == (ERROR, "")
    assert "Expected YAML in params.yaml of HEAD" in err


def test_photo_listed_twice_is_an_error(repository, capsys):
    repository.write([*draw_rows(), draw_rows()[0]])
    code, _, err = run(capsys)
    assert code == ERROR
    assert "Received: 1 paths twice" in err


def test_wrong_rules_are_an_error(repository, capsys):
    repository.write(parameters={"compare.accuracy.tolerance": -1})
    code, _, err = run(capsys)
    assert code == ERROR
    assert "compare.accuracy.tolerance: Input should be greater than or equal to 0. Received: -1." in err


def test_interrupted_comparison_has_the_exit_code_of_a_shell(monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(compare, "judge", interrupt)
    assert run(capsys) == (130, "", "compare: interrupted\n")


def test_verdict_that_nobody_reads_is_an_error(monkeypatch):
    def refuse(*_):
        raise BrokenPipeError

    monkeypatch.setattr(compare, "as_text", refuse)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert compare.main([]) == ERROR


def test_wrong_argument_is_an_error_and_no_refusal(capsys):
    with pytest.raises(SystemExit) as end:
        compare.main(["--nothing"])
    assert end.value.code == ERROR
    assert "unrecognized arguments: --nothing" in capsys.readouterr().err


# --- how it is shown


def test_rules_that_changed_are_a_warning_in_every_form(repository, capsys):
    repository.write(parameters={"compare.accuracy.tolerance": 1, "evaluate.top_k": 3})
    before = judge.load_params(toy.REPO / "params.yaml", judge.Params).compare.accuracy.tolerance
    warning = f"the rules of comparison changed: compare.accuracy.tolerance {before} -> 1"
    _, out, _ = run(capsys)
    assert out.splitlines()[-2:] == [f"warning: {warning}", "fine: no metric regressed"]
    assert f"\n\n**Warning:** `{warning}`\n\n" in run(capsys, "--markdown")[1]
    assert document(capsys)[1]["warnings"] == [warning]


def test_other_parameters_that_changed_are_no_warning(repository, capsys):
    repository.write(parameters={"evaluate.top_k": 3})
    assert document(capsys)[1]["warnings"] == []
    assert "arning" not in run(capsys)[1] + run(capsys, "--markdown")[1]


def test_table_and_families_are_aligned(repository, capsys):
    repository.write(draw_rows({*range(0, 200, 10), 1, 2, 3, 4, 6}))
    _, out, _ = run(capsys)
    lines = out.splitlines()
    assert "200 test photos of 40 families" in lines
    start = lines.index("families that got worse: 3")
    assert [line.split() for line in lines[start + 1 : start + 4]] == [
        ["family", "photos", "right", "F1"],
        ["f00", "5", "4", "->", "0", "0.89", "->", "0.00"],
        ["f01", "5", "5", "->", "4", "0.91", "->", "0.57"],
    ]
    assert len({len(line) for line in lines[start + 1 : start + 4]}) == 1


def test_markdown_has_verdict_table_and_folded_parameters(repository, capsys):
    repository.write(draw_rows(broken(0.1)), parameters={"unzip.layout": "class_folders"})
    code, out, _ = run(capsys, "--markdown")
    assert code == REGRESSED
    assert out.startswith("### Comparison of models: regressed\n\n**Regressed:** macro_f1 0.8990 -> ")
    assert "| accuracy | 0.9000 | 0.8000 | -0.1000 |" in out
    assert "... and " in out  # more families than are shown
    assert "<details><summary>Changed in params.yaml: 1</summary>\n\n| parameter | base | head |" in out
    assert '| `unzip.layout` | `"auto"` | `"class_folders"` |' in out


def test_markdown_survives_names_that_look_like_markdown(repository, capsys):
    rows = draw_rows({*range(0, 200, 10), 1})
    for row in rows:
        for column in ("family", "predicted"):
            row[column] = row[column].replace("f00", "<b>a|b`@everyone")
    repository.write(rows)
    repository.commit()
    for row in rows[2:4]:
        row["predicted"] = "f20"
    repository.write(rows)
    _, out, _ = run(capsys, "--markdown")
    name = "`<b>a\\|b'@everyone`"
    assert f"| {name} | 5 | 3 -> 1 |" in out
    assert "<b>" not in out.replace(name, "")


def test_command_answers_without_tensorflow():
    code = (
        "import sys\nfrom rare_species.cli import compare\ncode = compare.main([])\n"
        "assert not {'tensorflow', 'keras', 'dvc'} & set(sys.modules)\nsys.exit(code)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(toy.REPO), "PATH": "/usr/bin:/bin"}, check=False
    )
    assert result.returncode == FINE
