"""rare_species.cli.split_gap: scores of runs with different test photos, over all families and over some."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from rare_species.cli import split_gap
from rare_species.common.errors import UserError
from rare_species.common.result_checksums import write_result_checksums
from rare_species.compare.split_gap import SplitRun, describe, sample_family_metrics, tabulate_runs
from tests.unit.runs import Repository

FAMILIES = ("ant", "bee", "cat")
HEADER = "file_path,family,predicted,true_probability,true_rank\n"


def make_run(
    truth: str, said: str, held_out: int = 0, name: str = "run", families: tuple[str, ...] = FAMILIES
) -> SplitRun:
    """A run by the first letters of families; `held_out` photos are of bees of species held out."""
    full = {family[0]: family for family in families}
    texts = [np.array([full[letter] for letter in letters]) for letters in (truth, said)]
    counts = pd.DataFrame({"train": 10, "held_out_species": 0}, index=pd.Index(families, name="family"))
    counts.loc[families[1], "held_out_species"] = held_out
    return SplitRun(name, "train", np.array([f"{number}.jpg" for number in range(len(truth))]), *texts, counts)


def test_scores_are_those_of_scikit_learn():
    run = make_run("aaaabbbbcc", "aabcbbbacc")
    found = sample_family_metrics(run, FAMILIES, seed=0)
    assert found["macro F1"][0] == pytest.approx(f1_score(run.families, run.predicted, average="macro"), rel=1e-12)
    assert found["accuracy"][0] == pytest.approx(0.7)


def test_scores_of_some_families_count_what_others_are_taken_for():
    run = make_run("aaaabbbb", "abbbbbba")
    found = sample_family_metrics(run, ["bee"], seed=0)
    assert found["macro F1"][0] == pytest.approx(2 * 3 / (6 + 4))  # 3 hits, taken 6 times, there 4 times
    assert found["accuracy"][0] == pytest.approx(3 / 4)


def test_families_without_a_test_photo_are_left_out():
    run = make_run("aabb", "aabc")
    every, present = (sample_family_metrics(run, names, seed=0) for names in (FAMILIES, ["ant", "bee"]))
    assert every["macro F1"][0] == present["macro F1"][0] == pytest.approx((1 + 2 / 3) / 2)


def test_spread_of_accuracy_is_that_of_the_families():
    run = make_run("a" * 20 + "b" * 20, "a" * 30 + "b" * 10)
    samples = sample_family_metrics(run, FAMILIES, seed=0)["accuracy"][1:]
    # ants are all right; of 20 bees half: variance p (1 - p) / (n - 1), of half the photos
    assert samples.std() == pytest.approx(np.sqrt(0.25 / 19) / 2, rel=0.03)


def test_families_of_one_test_photo_stand_in_for_each_other():
    run = make_run("aabc", "aabb")  # of bee and cat one is drawn, and counts for both
    every, bees = (sample_family_metrics(run, names, seed=0) for names in (FAMILIES, ["bee"]))
    assert set(every["accuracy"][1:]) == {0.5, 1.0}
    assert set(np.round(every["macro F1"][1:], 9)) == {round(1 / 3, 9), 1.0}
    assert set(bees["accuracy"]) == {1.0}  # alone, it can't vary


def test_difference_of_runs_is_as_wide_as_both_together():
    letters = ("a" * 400 + "b" * 400, "a" * 600 + "b" * 200)
    first, second = describe([make_run(*letters), make_run(*letters)], FAMILIES).splitlines()[1:]
    low, high = (float(number) for number in re.search(r"\((\S+?)–(\S+)\)$", first).groups())
    one, other = (float(number) for number in re.search(r"\((\S+) to (\S+)\)$", second).groups())
    assert other - one == pytest.approx((high - low) * np.sqrt(2), rel=0.05)


def test_difference_of_small_runs_is_widened_as_in_welchs_test():
    few, many = make_run("aabb", "aaba"), make_run("a" * 400 + "b" * 400, "a" * 600 + "b" * 200)
    *_, change = describe([few, many], FAMILIES).splitlines()
    low, high = (float(number) for number in re.search(r"\((\S+) to (\S+)\)$", change).groups())
    one, other = (sample_family_metrics(run, FAMILIES, seed)["accuracy"][1:] for seed, run in enumerate([few, many]))
    # nearly all of the variance is the few photos', with 2 degrees of freedom
    assert high - low == pytest.approx(np.ptp(np.percentile(other - one, [2.5, 97.5])) * 4.303 / 1.96, rel=0.02)


def test_table_names_photos_and_differences():
    base, other = make_run("aabbcc", "aabbcc", name="grouped"), make_run("aabbccc", "aabbcca", name="random")
    header, first, second = describe([base, other], FAMILIES).splitlines()
    assert header.split()[:4] == ["run", "model", "train", "test"]
    assert first.split() == ["grouped", "train", "30", "6", "1.000", "(1.000–1.000)", "1.000", "(1.000–1.000)"]
    assert second.split()[:5] == ["random", "train", "30", "7", f"{(0.8 + 1 + 0.8) / 3:.3f}"]
    assert f"{(0.8 + 1 + 0.8) / 3 - 1:+.3f} (" in second
    assert f"{6 / 7 - 1:+.3f} (" in second


def test_families_of_several_species_get_a_table_of_their_own():
    runs = [make_run("aabbc", "aabbc", name="grouped"), make_run("abbb", "abaa", held_out=3, name="held-out")]
    every, several = tabulate_runs(runs).split("\n\n")
    assert every.startswith("2 of 3 families, those that every run tests; ")
    assert several.splitlines()[0] == "the 1 of them that held-out holds species out of"
    assert [line.split()[2:4] for line in several.splitlines()[2:]] == [["10", "2"], ["10", "3"]]
    assert "\n\n" not in tabulate_runs(runs[:1])


def test_families_that_one_run_does_not_test_are_in_no_table():
    """Cats are all wrong in one run and untested in the other: without them there is no difference."""
    families = ("ant", "bee", "cat", "dog")
    runs = [make_run(*letters, families=families) for letters in (("aabbcc", "aabbdd"), ("aaaabb", "aaaabb"))]
    _, _, first, second = tabulate_runs(runs).splitlines()
    assert first.split()[2:4] == ["20", "4"]
    assert second.split()[2:4] == ["20", "6"]
    assert second.count("+0.000 (") == 2


def test_held_out_families_that_the_base_does_not_test_are_told():
    runs = [make_run("aacc", "aacc", name="grouped"), make_run("aabb", "aabb", held_out=2, name="held-out")]
    every, several = tabulate_runs(runs).split("\n\n")
    assert every.startswith("1 of 3 families, ")
    assert several == "None of them is a family that held-out holds species out of."
    assert "nan" not in every


def test_runs_that_test_no_family_in_common_are_refused():
    runs = [make_run("aa", "aa", name="one"), make_run("bb", "bb", name="two")]
    with pytest.raises(UserError, match=r"Received: none of 3, in one, two\. Name runs that test the same families\."):
        tabulate_runs(runs)


def test_runs_on_other_families_are_refused():
    runs = [make_run("ab", "ab", name="one"), make_run("ab", "ab", name="two", families=("ant", "bee", "dog"))]
    with pytest.raises(UserError, match=r"same families. Received: cat in only one of one and two\. Name runs on one"):
        tabulate_runs(runs)


def test_photos_can_be_chosen():
    run = make_run("aabb", "abab").only(np.array([True, False, False, True]))
    assert (run.file_paths.tolist(), run.families.tolist(), run.predicted.tolist()) == (
        ["0.jpg", "3.jpg"],
        ["ant", "bee"],
        ["ant", "bee"],
    )


def write_run(folder: Path, said: str) -> None:
    """What a run leaves in git: four photos, of two families."""
    run = make_run("aabb", said)
    files = {
        "metrics/evaluate.json": json.dumps({"champion": "train", "train": {"test": {}}}),
        "params.yaml": "evaluate: {}",
        "plots/split/families.csv": run.counts.to_csv(),
        "plots/evaluate/train/predictions.csv": HEADER
        + "".join(
            f"{path},{family},{predicted},0.5,1\n"
            for path, family, predicted in zip(run.file_paths, run.families, run.predicted, strict=True)
        ),
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    seal(folder)


def seal(folder: Path) -> None:
    """Write checksums of what is there, as the stages do of what they wrote."""
    (folder / "metrics/split.json").write_text("{}", encoding="utf-8")
    for stage in ("split", "evaluate"):
        write_result_checksums(stage, folder / f"metrics/{stage}.json", folder / "plots" / stage)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A commit whose run made a mistake, and a workspace whose run made none."""
    monkeypatch.chdir(tmp_path)
    write_run(tmp_path, "aabc")
    repository = Repository(tmp_path)
    repository.git("init", "--quiet")
    repository.commit()
    write_run(tmp_path, "aabb")
    return tmp_path


@pytest.mark.usefixtures("repository")
def test_command_compares_a_commit_with_the_workspace(capsys):
    assert split_gap.main(["HEAD", "workspace"]) == 0
    _, _, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[:5] == ["HEAD", "train", "20", "4", "0.833"]
    assert second.split()[:5] == ["workspace", "train", "20", "4", "1.000"]


def test_command_says_which_file_is_not_there(repository, capsys):
    (repository / "plots/split/families.csv").unlink()
    assert split_gap.main(["HEAD", "workspace"]) == 1
    assert capsys.readouterr().err.startswith("split-gap: Expected plots/split/families.csv in workspace. Received: no")


def test_command_takes_the_model_that_is_named(repository, capsys):
    evaluation = {"champion": "train", "train": {"test": {}}, "tune": {"test": {}}}
    (repository / "metrics/evaluate.json").write_text(json.dumps(evaluation), encoding="utf-8")
    (repository / "plots/evaluate/train").rename(repository / "plots/evaluate/tune")
    seal(repository)
    assert split_gap.main(["workspace", "workspace", "--model", "tune"]) == 0
    assert {line.split()[1] for line in capsys.readouterr().out.splitlines()[2:]} == {"tune"}
    assert split_gap.main(["HEAD", "workspace", "--model", "tune"]) == 1
    assert "Expected metrics of tune in metrics/evaluate.json of HEAD" in capsys.readouterr().err


@pytest.mark.parametrize(
    "text", ["", "name,train\nant,1\n", "family,train,held_out_species\nant,many,0\n", 'family\n"']
)
def test_command_says_which_table_is_broken(repository, capsys, text):
    (repository / "plots/split/families.csv").write_text(text, encoding="utf-8")
    seal(repository)
    assert split_gap.main(["HEAD", "workspace"]) == 1
    said = capsys.readouterr().err
    assert re.match("split-gap: Expected a table .* in plots/split/families.csv of workspace. Received: ", said)


@pytest.mark.parametrize(("error", "code"), [(PermissionError(13, "Permission denied"), 1), (KeyboardInterrupt(), 130)])
def test_command_ends_with_a_message(monkeypatch, capsys, error, code):
    def fail(*_):
        raise error

    monkeypatch.setattr(split_gap, "find_revision", fail)
    assert split_gap.main(["HEAD", "workspace"]) == code
    assert capsys.readouterr().err.startswith("split-gap: ")


def test_wrong_argument_has_the_exit_code_of_a_mistake():
    with pytest.raises(SystemExit) as stopped:
        split_gap.main(["HEAD"])
    assert stopped.value.code == 1


@pytest.mark.usefixtures("repository")
def test_command_says_which_name_it_does_not_know(capsys):
    assert split_gap.main(["HEAD", "nothing"]) == 1
    assert "Received: 'nothing', which is neither." in capsys.readouterr().err
