"""Parameters of a file in params.yaml: only those, checked before anything is written, comments kept."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from rare_species.cli import apply as module
from rare_species.common.checksums import write_checksums
from tests.toy import REPO

ENDLESS = "k0: &k0 [1]\n" + "".join(f"k{n}: &k{n} [{', '.join(9 * [f'*k{n - 1}'])}]\n" for n in range(1, 30))


@pytest.fixture
def params(tmp_path, monkeypatch):
    """A copy of the project's params.yaml, in the current folder."""
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copy(REPO / "params.yaml", tmp_path))


def apply(text):
    Path("part.yaml").write_text(text, encoding="utf-8")
    return module.main(["part.yaml"])


def changed_lines(params):
    """Lines that differ from the project's, which has as many."""
    before = (REPO / "params.yaml").read_text(encoding="utf-8").splitlines()
    return [
        pair for pair in zip(before, params.read_text(encoding="utf-8").splitlines(), strict=True) if len({*pair}) > 1
    ]


def test_only_named_parameters_change_and_comments_stay(params, capsys):
    assert apply("train:\n  seed: 3\n  head:\n    dropout: 0.25\n    units: [128, 64]\n    batch_norm: true\n") == 0
    assert [(old.strip(), new.strip()) for old, new in changed_lines(params)] == [
        ("units: [256]", "units: [128, 64]"),
        ("dropout: 0.4", "dropout: 0.25"),
        ("seed: 0", "seed: 3"),
    ]
    assert capsys.readouterr().out.splitlines() == [
        "train.head.units: [256] -> [128, 64]",
        "train.head.dropout: 0.4 -> 0.25",
        "train.seed: 0 -> 3",
    ]


def test_comment_beside_a_changed_parameter_stays_in_its_column(params):
    assert apply("train: {members: 5, cnn: {dense: 1000}}") == 0
    (dense, members), comment = [new for _, new in sorted(changed_lines(params))], "# classifiers with different seeds"
    assert dense == "    dense: 1000"
    assert members.startswith(f"  members: 5                    {comment}")


def test_what_is_there_already_changes_nothing(params, capsys):
    assert apply("train: {head: {dropout: 0.4}}") == 0
    assert params.read_bytes() == (REPO / "params.yaml").read_bytes()
    assert capsys.readouterr().out == "params.yaml has all of these values already\n"


def test_space_is_replaced_whole(params, capsys):
    assert apply("tune: {space: {head: {dropout: {type: float, low: 0.0, high: 0.5}}}}") == 0
    space = yaml.safe_load(params.read_text(encoding="utf-8"))["tune"]["space"]
    assert space == {"head": {"dropout": {"type": "float", "low": 0.0, "high": 0.5}}}
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith('tune.space.head.units: {"type": "categorical", ')
    assert lines[0].endswith(" -> not searched")
    assert len(lines) == 5


def test_other_file_than_params_can_be_named(params):
    shutil.copy(params, "other.yaml")
    Path("part.yaml").write_text("train: {seed: 5}", encoding="utf-8")
    assert module.main(["part.yaml", "--params", "other.yaml"]) == 0
    assert yaml.safe_load(Path("other.yaml").read_text(encoding="utf-8"))["train"]["seed"] == 5
    assert changed_lines(params) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "train: {head: {dropout: 2}}",
            "train.head.dropout: Input should be less than 1. Received: 2. Set it in part.yaml",
        ),
        ("train: {heads: 1}", "train.heads is not a parameter. Received: 1. Remove it from part.yaml"),
        ("trian: {seed: 1}", "part.yaml must hold the sections"),
        ("train: 5", "train: Input should be"),
        ("train: {head: {dropout: [0.1, 0.2]}}", "train.head: dropout must be one number or as many as units"),
        ("train: [", "part.yaml must be YAML. Received: "),
        (
            "train: " + 3000 * "[",
            "part.yaml must hold parameters as params.yaml does. Received: maximum recursion depth",
        ),
        (
            "train: {seed: 2020-13-41}",
            "part.yaml must hold parameters as params.yaml does. Received: month must be in 1..12",
        ),
        ("? [1]\n: 2", "part.yaml must hold parameters as params.yaml does. Received: keys must be"),
        ("tune: {space: {head.dropout: 1, head: {dropout: 2}}}", "tune.space: expected each parameter once."),
        ("", "part.yaml must be a mapping of sections. Received: nothing. Nest"),
        ("- 1", "part.yaml must be a mapping of sections. Received: CommentedSeq. Nest"),
    ],
)
def test_wrong_file_is_one_message_and_nothing_is_written(params, capsys, text, message):
    assert apply(text) == 1
    shown = capsys.readouterr()
    assert shown.err.startswith(f"apply: {message}")
    assert not shown.out
    assert sorted(path.name for path in Path().iterdir()) == ["params.yaml", "part.yaml"]
    assert params.read_bytes() == (REPO / "params.yaml").read_bytes()


def test_a_device_is_a_message(params, capsys):
    assert module.main([os.devnull]) == 1
    assert capsys.readouterr().err.startswith(f"apply: Expected a file at {os.devnull}. Received: a pipe, a socket")
    assert changed_lines(params) == []


def test_file_that_is_not_there_is_a_message(params, capsys):
    assert module.main(["nothing.yaml"]) == 1
    message = "apply: Expected a file with parameters. Received: nothing.yaml, which does not exist. Name another"
    assert capsys.readouterr().err.startswith(message)
    assert changed_lines(params) == []


def test_params_that_were_wrong_before_are_named(params, capsys):
    params.write_text(params.read_text(encoding="utf-8").replace("image_size: 224", "image_size: x"), encoding="utf-8")
    assert apply("train: {seed: 1}") == 1
    assert capsys.readouterr().err.startswith("apply: preprocess.image_size: Input should be")


def test_wrong_argument_has_the_exit_code_of_a_mistake():
    with pytest.raises(SystemExit) as stopped:
        module.main([])
    assert stopped.value.code == 1


def test_search_of_the_report_is_valid(params):
    assert module.main([str(REPO / "experiments/report_hyperband.yaml")]) == 0
    tune = yaml.safe_load(params.read_text(encoding="utf-8"))["tune"]
    assert (tune["trials"], tune["sampler"], tune["pruning"]["name"]) == (90, "random", "hyperband")
    assert set(tune["space"]) == {"head", "optimizer"}


@pytest.mark.usefixtures("params")
def test_aliases_that_hold_more_than_memory_does_are_refused_at_once(capsys):
    assert apply(ENDLESS) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("apply: part.yaml must hold parameters as params.yaml does. Received: more than 100 levels")


@pytest.mark.usefixtures("params")
def test_file_of_a_persons_own_beside_a_list_is_none_of_its_stage():
    write_checksums(Path(), "params.yaml")
    assert apply("train: {seed: 3}") == 0


def test_file_that_is_not_as_its_search_wrote_it_is_refused(params, capsys):
    best = Path("best.yaml")
    best.write_text("train: {seed: 3}\n", encoding="utf-8")
    write_checksums(Path())
    best.write_text("train: {seed: 4}\n", encoding="utf-8")
    assert module.main(["best.yaml"]) == 1
    assert "Expected best.yaml as its stage wrote it, see SHA256SUMS" in capsys.readouterr().err
    assert params.read_bytes() == (REPO / "params.yaml").read_bytes()
