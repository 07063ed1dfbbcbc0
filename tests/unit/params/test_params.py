"""rare_species.params, params_file: the file in git is right, and each mistake in it is one sentence that mends it."""

import copy
import functools
import operator
import os
from collections.abc import Callable
from dataclasses import field, make_dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from rare_species.common.errors import UserError
from rare_species.common.read_params import load_params
from rare_species.fitting.fit_params import FitParams
from rare_species.params.all_sections import RENAMED, SECTIONS
from rare_species.params.search_space import flatten_space
from rare_species.params.tune import with_parameters
from tests.toy import REPO

REAL = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
SPACE = {
    "head": {
        "dropout": {"type": "float", "low": 0.0, "high": 0.7},
        "units": {"type": "categorical", "choices": [[], [128]]},
    }
}
DOCUMENT = REAL | {"tune": REAL["tune"] | {"space": SPACE}}
FIT = FitParams.model_validate(DOCUMENT["tune"]["base"])
FLOAT = {"type": "float", "low": 0.0, "high": 0.5}
MISSING = object()


def wanted(*sections: str) -> type:
    """A dataclass such as a stage declares, with these sections."""
    return make_dataclass("Params", [(name, SECTIONS[name], field()) for name in sections], frozen=True)


def set_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """The real params.yaml with some parameters changed, by dotted name; `MISSING` removes one."""
    document = copy.deepcopy(DOCUMENT)
    for parameter, value in parameters.items():
        *parents, name = parameter.split(".")
        place = document
        for parent in parents:
            place = place[parent]
        if value is MISSING:
            del place[name]
        else:
            place[name] = value
    return document


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., Any]:
    """Load one section of params.yaml after setting parameters in it."""

    def load_changed(section: str, **parameters: Any) -> Any:
        document = set_parameters({f"{section}.{parameter}": value for parameter, value in parameters.items()})
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return getattr(load_params(tmp_path / "params.yaml", wanted(section)), section)

    return load_changed


@pytest.fixture
def refuse(load: Callable[..., Any]) -> Callable[..., str]:
    """The message when a section is loaded after setting one parameter."""

    def refuse_changed(parameter: str, value: Any) -> str:
        section, name = parameter.split(".", 1)
        with pytest.raises(UserError) as error:
            load(section, **{name: value})
        return str(error.value)

    return refuse_changed


def refuse_text(tmp_path: Path, text: str | bytes) -> str:
    file = tmp_path / "params.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(UserError) as error:
        load_params(file, wanted("clean"))
    assert str(file) in str(error.value)
    return str(error.value)


# --- what is right


def test_the_real_file_has_every_section_and_all_are_right() -> None:
    params = load_params(REPO / "params.yaml", wanted(*SECTIONS))
    assert list(SECTIONS) == list(REAL)
    assert params.train.head.units == tuple(REAL["train"]["head"]["units"])
    assert set(params.tune.space) == set(flatten_space(REAL["tune"]["space"]))
    assert params.unzip.archive == Path(REAL["unzip"]["archive"])


def test_sections_that_the_stage_does_not_read_are_judged_too(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(set_parameters({"train.batch_size": -1})))
    with pytest.raises(UserError, match=r"^train\.batch_size: Input should be greater than 0\. Received: -1\."):
        load_params(tmp_path / "params.yaml", wanted("clean"))


def test_only_the_wanted_sections_are_given(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(DOCUMENT))
    assert load_params(tmp_path / "params.yaml", wanted("clean")).clean.min_side_px == DOCUMENT["clean"]["min_side_px"]


@pytest.mark.parametrize("text", ["3e-05", "1e-4", "0.001", "1.0E-3"])
def test_numbers_that_yaml_reads_as_text_are_numbers(tmp_path: Path, text: str) -> None:
    lines = yaml.safe_dump(set_parameters({"train.optimizer.learning_rate": "RATE"})).replace("RATE", text)
    (tmp_path / "params.yaml").write_text(lines)
    rate = load_params(tmp_path / "params.yaml", wanted("train")).train.optimizer.learning_rate
    assert (type(rate), rate) == (float, float(text))


def test_numbers_as_text_are_right_in_a_search_space_too(load: Callable[..., Any]) -> None:
    rate = load("tune", space={"optimizer": {"learning_rate": {"type": "float", "low": "1e-5", "high": "1e-2"}}})
    assert rate.space["optimizer.learning_rate"].low == 1e-5


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("train.optimizer.learning_rate", 1),
        ("train.head.dropout", 0),
        ("train.head.units", []),
        ("split.near_duplicate_bits", 15),
        ("split.burst_gap", 0),
        ("clean.max_rejected_fraction", 1),
        ("preprocess.image_size", 16),
        ("preprocess.jpeg_quality", 100),
        ("preprocess.circular_mask.radius", 1.5),
        ("preprocess.circular_mask.edge", 0),
        ("preprocess.circular_mask.colour", "#fff"),
        ("preprocess.peripheral_blur.sigma", 0.5),
        ("tune.trials", 0),
        ("evaluate.resamples", 100),
        ("compare.resamples", 100),
        ("compare.loss.tolerance", 0),
    ],
)
def test_ends_of_a_range_are_allowed(load: Callable[..., Any], parameter: str, value: Any) -> None:
    section, name = parameter.split(".", 1)
    load(section, **{name: value})


def test_params_cannot_be_changed(load: Callable[..., Any]) -> None:
    params = load("clean")
    with pytest.raises(ValidationError, match="frozen"):
        params.min_side_px = 1


# --- what is wrong: the dotted parameter, what was received, how to set it


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        ("train.optimizer.learning_rate", "abc", "valid number"),
        ("train.optimizer.learning_rate", 0, "greater than 0"),
        ("train.optimizer.learning_rate", 1.5, "less than or equal to 1"),
        ("train.optimizer.learning_rate", float("nan"), "finite number"),
        ("train.optimizer.learning_rate", None, "valid number"),
        ("train.optimizer.weight_decay", -0.1, "greater than or equal to 0"),
        ("train.head.dropout", 1, "less than 1"),
        ("train.head.batch_norm", "perhaps", "valid boolean"),
        ("train.epochs", -1, "greater than or equal to 0"),
        ("train.epochs", 2.5, "valid integer"),
        ("train.imbalance", "undersample", "'none', 'class_weight', 'oversample'"),
        ("train.cnn.filters", [], "at least 1 item"),
        ("train.augmentation.rotation", 0.6, "less than or equal to 0.5"),
        ("train.schedule.factor", 1, "less than 1"),
        ("train.early_stopping.monitor", "loss", "'val_loss'"),
        ("train.head", 5, "valid dictionary"),
        ("train.fine_tune.layer_groups", 0, "all or a whole number of at least 1"),
        ("train.fine_tune.layer_groups", True, "all or a whole number of at least 1"),
        ("train.fine_tune.layer_groups", "last", "all or a whole number of at least 1"),
        ("train.fine_tune.layer_decay", 0, "greater than 0"),
        ("train.fine_tune.ema", 1, "less than 1"),
        ("train.fine_tune.mixed_precision", "half", "auto, true or false"),
        ("model.inputs", ["phylum"], "[image] or [image, phylum]"),
        ("model.inputs", ["image", "image"], "[image] or [image, phylum]"),
        ("unzip.layout", "zip", "'auto'"),
        ("unzip.class_folder", "deepest", "'first'"),
        ("unzip.merge_spellings", "perhaps", "valid boolean"),
        ("unzip.name_encoding", "latin-99", "an encoding that Python knows"),
        ("unzip.name_encoding", "hex", "an encoding that Python knows"),
        ("unzip.name_encoding", "a\0b", "an encoding that Python knows"),
        ("unzip.max_ratio", float("inf"), "finite number"),
        ("clean.max_rejected_fraction", 1.1, "less than or equal to 1"),
        ("clean.min_side_px", 0, "greater than 0"),
        ("split.near_duplicate_bits", 16, "less than or equal to 15"),
        ("split.train", 0, "greater than 0"),
        ("split.val", -0.1, "greater than 0"),
        ("split.test", 1, "less than 1"),
        ("split.seed", -1, "greater than or equal to 0"),
        ("preprocess.image_size", 15, "greater than or equal to 16"),
        ("preprocess.resize", "squash", "'crop', 'pad' or 'stretch'"),
        ("preprocess.jpeg_quality", 49, "greater than or equal to 50"),
        ("preprocess.treatment", "blur", "'peripheral_blur' or 'remove_background'"),
        ("preprocess.circular_mask.radius", 0, "greater than 0"),
        ("preprocess.circular_mask.edge", -0.1, "greater than or equal to 0"),
        ("preprocess.circular_mask.colour", "whiet", "a name such as white"),
        ("preprocess.circular_mask.colour", "#ffffff80", "an opaque colour"),
        ("preprocess.remove_background.colour", 0, "valid string"),
        ("preprocess.peripheral_blur.radius", 1.6, "less than or equal to 1.5"),
        ("preprocess.peripheral_blur.sigma", 0, "greater than 0"),
        ("preprocess.remove_background.model", "sam", "'u2netp', 'u2net'"),
        ("model.name", "resnet", "'efficientnetlite0', 'efficientnetb0'"),
        ("embed.augmented_copies", -1, "greater than or equal to 0"),
        ("train.seed", 2**32, "less than 4294967296"),
        ("tune.seed", -1, "greater than or equal to 0"),
        ("evaluate.resamples", 99, "greater than or equal to 100"),
        ("compare.resamples", 99, "greater than or equal to 100"),
        ("compare.accuracy.tolerance", -0.1, "greater than or equal to 0"),
        ("compare.macro_f1.minimum", 1.1, "less than or equal to 1"),
        ("compare.loss.maximum", 0, "greater than 0"),
        ("tune.base.batch_size", 0, "greater than 0"),
        ("tune.space", {}, "at least 1 item"),
        ("tune.space.head.dropout", 0.5, "valid dictionary"),
        ("tune.space.head.dropout", {"type": "floaty", "low": 0, "high": 1}, "'float', 'int', 'categorical'"),
        ("tune.space.head.dropout", {"type": "float", "low": 0.5, "high": 0.5}, "low < high"),
        ("tune.space.head.dropout", {"type": "float", "low": 0, "high": 0.5, "log": True}, "low > 0 when log is true"),
        (
            "tune.space.head.dropout",
            {"type": "float", "low": 0, "high": 0.5, "step": 0.6},
            "step to be at most high - low",
        ),
        ("tune.space.head.units.choices", [], "at least 1 item"),
        ("tune.space.head.dropout.low", "abc", "valid number"),
    ],
)
def test_a_wrong_value_names_its_parameter(
    refuse: Callable[..., str], parameter: str, value: Any, expected: str
) -> None:
    message = refuse(parameter, value)
    assert message.startswith(f"{parameter}: ")
    assert expected in message
    assert f" Received: {value!r}. " in message
    command = (
        "" if isinstance(value, dict) else f" or with dvc exp run -S {parameter}=VALUE"
    )  # DVC would merge a mapping
    assert message.endswith(f"params.yaml{command}.")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("train.lr", 0.1), ("train.head.layers", 2), ("clean.exclud", "x"), ("tune.space.head.dropout.lo", 0)],
)
def test_an_unknown_parameter_is_named(refuse: Callable[..., str], parameter: str, value: Any) -> None:
    assert refuse(parameter, value).startswith(f"{parameter} is not a parameter. Received: {value!r}. Remove it from ")


@pytest.mark.parametrize(("old", "new"), RENAMED.items())
def test_an_old_name_is_refused_and_the_new_one_named(tmp_path: Path, old: str, new: str) -> None:
    *path, last = old.split(".")
    document = copy.deepcopy(REAL)
    section = functools.reduce(operator.getitem, path, document)
    section[last] = section.pop(new.rsplit(".", maxsplit=1)[-1])
    message = refuse_text(tmp_path, yaml.safe_dump(document))
    assert message == f"{old} is called {new} now. Received: the old name. Rename it in {tmp_path / 'params.yaml'}."


@pytest.mark.parametrize(
    "parameter", ["train.epochs", "train.optimizer.name", "clean.exclude", "tune.space.head.dropout.low"]
)
def test_a_missing_parameter_is_named(refuse: Callable[..., str], parameter: str) -> None:
    assert refuse(parameter, MISSING).startswith(f"{parameter} is missing. Add it to ")


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    document = set_parameters({"train.epochs": -1, "train.lr": 1, "clean.min_side_px": MISSING})
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(document))
    with pytest.raises(UserError) as error:
        load_params(tmp_path / "params.yaml", wanted("train", "clean"))
    assert [line.split()[0] for line in str(error.value).splitlines()] == [
        "clean.min_side_px",
        "train.epochs:",
        "train.lr",
    ]


@pytest.mark.parametrize("shares", [(0.8, 0.18, 0.1), (0.5, 0.18, 0.1), (0.72, 0.18, 0.10001)])
def test_shares_that_do_not_sum_to_1_are_refused(load: Callable[..., Any], shares: tuple[float, float, float]) -> None:
    with pytest.raises(UserError) as error:
        load("split", **dict(zip(("train", "val", "test"), shares, strict=True)))
    received = " + ".join(f"{share:g}" for share in shares)
    assert str(error.value).startswith(f"split.train + split.val + split.test must be 1. Received: {received} = ")
    assert "dvc exp run -S" in str(error.value)


def test_species_are_not_held_out_photo_by_photo(load: Callable[..., Any]) -> None:
    assert load("split", holdout_species=True).holdout_species
    assert not load("split", method="stratified").holdout_species
    with pytest.raises(UserError) as error:
        load("split", method="stratified", holdout_species=True)
    assert str(error.value).startswith("split.method must be grouped with split.holdout_species=true")
    assert "Received: stratified. Set it in " in str(error.value)


@pytest.mark.parametrize("inputs", [["image", "phylum"], ["phylum", "image"]])
def test_the_baseline_network_can_not_be_told_the_phylum(load: Callable[..., Any], inputs: list[str]) -> None:
    assert load("model", name="resnet50", inputs=inputs).inputs == tuple(inputs)
    with pytest.raises(UserError) as error:
        load("model", name="cnn", inputs=inputs)
    message = str(error.value)
    assert message.startswith("model.inputs must be [image] with model.name=cnn, which learns from photos alone. ")
    assert f"Received: [{', '.join(inputs)}]. Set it in " in message


FINE_TUNED_CNN = {"model.name": "cnn", "train.fine_tune.epochs": 3}
TOGETHER = {
    "Received: 40 and 3. Set it in ": FINE_TUNED_CNN,
    "Received: 0 and 3. Set it in ": FINE_TUNED_CNN | {"train.epochs": 0},
    "Received: 3. Set it in ": {"model.inputs": ["image", "phylum"], "train.fine_tune.epochs": 3},
}


@pytest.mark.parametrize("received", TOGETHER)
@pytest.mark.parametrize("stage", [["unzip"], ["model", "embed"], ["train"]])
def test_parameters_of_two_sections_that_do_not_go_together_are_refused_by_every_stage(
    tmp_path: Path, received: str, stage: list[str]
) -> None:
    file = tmp_path / "params.yaml"
    file.write_text(yaml.safe_dump(set_parameters(TOGETHER[received])), encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_params(file, wanted(*stage))
    assert str(error.value).startswith("train.")
    assert received in str(error.value)


def test_shares_may_be_off_by_rounding(load: Callable[..., Any]) -> None:
    assert load("split", train=0.7, val=0.2, test=0.1).train == 0.7  # 0.7 + 0.2 + 0.1 < 1


def nest(parameter: str, distribution: dict[str, Any]) -> Any:
    """A space with one parameter, nested as YAML has it, where a name of digits is a number."""
    nested: Any = distribution
    for name in reversed(parameter.split(".")):
        nested = {int(name) if name.isdigit() else name: nested}
    return nested


@pytest.mark.parametrize(
    ("parameter", "distribution", "received", "expected"),
    [
        ("head.dropout", FLOAT | {"high": 1.0}, "1.0", "less than 1"),
        ("optimizer.learning_rate", FLOAT, "0.0", "greater than 0"),
        ("batch_size", {"type": "int", "low": 0, "high": 64}, "0", "greater than 0"),
        ("head.activation", {"type": "categorical", "choices": ["relu", "sin"]}, "'sin'", "'gelu'"),
        ("head.units", {"type": "categorical", "choices": [[8], [0]]}, "[0]", "greater than 0"),
        ("epochs.more", FLOAT, "0.0", "valid integer"),
        ("batch_size", {"type": "float", "low": 16.0, "high": 64.0, "step": 0.5}, "16.5", "valid integer"),
        (
            "head.units",
            {"type": "layers", "at_least": 1, "each": [FLOAT | {"low": 8, "high": 9.0, "step": 0.5}]},
            "[8.5]",
            "valid integer",
        ),
    ],
)
def test_a_search_space_beyond_the_parameters_is_refused(
    load: Callable[..., Any], parameter: str, distribution: dict[str, Any], received: str, expected: str
) -> None:
    with pytest.raises(UserError) as error:
        load("tune", space=nest(parameter, distribution))
    message = str(error.value)
    assert message.startswith(f"tune.space.{parameter}: ")
    assert expected in message
    assert f". Received: {received}. Set it in " in message
    assert "dvc exp run -S" in message


@pytest.mark.parametrize("parameter", ["dropuot", "head.layers", "heads.dropout", "members", "1"])
def test_a_search_space_names_parameters_of_its_base(load: Callable[..., Any], parameter: str) -> None:
    with pytest.raises(UserError) as error:
        load("tune", space=nest(parameter, FLOAT))
    received = f"Received: {parameter}, which is none. Remove it or mend its name."
    assert str(error.value) == f"tune.space must name parameters of tune.base. {received}"


@pytest.mark.parametrize(("low", "high", "step"), [(16.0, 64.0, 8.0), (16.0, 64.0, 48.0)])
def test_a_whole_number_may_be_searched_in_whole_steps(
    load: Callable[..., Any], low: float, high: float, step: float
) -> None:
    load("tune", space={"batch_size": FLOAT | {"low": low, "high": high, "step": step}})


@pytest.mark.parametrize(
    ("parameter", "distribution"),
    [
        ("head.units", {"type": "categorical", "choices": [[], [8]]}),
        ("label_smoothing", {"type": "categorical", "choices": [0.0, 0.1]}),
        ("head.units", {"type": "layers", "at_least": 0, "each": [{"type": "int", "low": 8, "high": 16}]}),
        ("head.units", {"type": "layers", "at_least": 1, "each": [{"type": "categorical", "choices": [8, 16]}]}),
    ],
)
def test_cma_es_takes_numbers_alone(load: Callable[..., Any], parameter: str, distribution: dict[str, Any]) -> None:
    numbers = {"batch_size": {"type": "int", "low": 8, "high": 64}, "optimizer.momentum": FLOAT}
    load("tune", sampler="cmaes", space=numbers)
    load("tune", sampler="tpe", space=numbers | {parameter: distribution})
    with pytest.raises(UserError) as error:
        load("tune", sampler="cmaes", space=numbers | {parameter: distribution})
    assert str(error.value).startswith(
        "tune.sampler=cmaes needs a number, of type float or int, for each parameter. "
        f"Received: type {distribution['type']} for {parameter}. Set it in "
    )


@pytest.mark.parametrize(("seed", "members", "most"), [(2**32 - 1, 2, 2**32 - 2), (2**32 - 4, 5, 2**32 - 5)])
def test_each_member_has_a_seed(load: Callable[..., Any], seed: int, members: int, most: int) -> None:
    load("train", seed=seed, members=members - 1)
    load("train", seed=most, members=members)
    with pytest.raises(UserError) as error:
        load("train", seed=seed, members=members)
    assert str(error.value).startswith(f"train.seed must be at most {most} with train.members={members}, ")
    assert f"Received: {seed}. Set it in " in str(error.value)


def test_a_parameter_is_searched_once(load: Callable[..., Any]) -> None:
    with pytest.raises(UserError, match=r"tune\.space: expected each parameter once\. Received twice: head\.dropout"):
        load("tune", space={"head.dropout": FLOAT, "head": {"dropout": FLOAT}})


@pytest.mark.parametrize(("document", "name"), [({"trian": {}}, "trian"), ({"clean": {}, 7: 1}, "7")])
def test_an_unknown_section_is_named_beside_the_known_ones(tmp_path: Path, document: Any, name: str) -> None:
    message = refuse_text(tmp_path, yaml.safe_dump(document))
    assert message.endswith(f"Received also: {name}. Remove them, or mend their names.")
    assert ", ".join(SECTIONS) in message


def test_a_device_is_refused() -> None:
    with pytest.raises(UserError, match=rf"Expected a file at {os.devnull}\. Received: a pipe, a socket or a device\."):
        load_params(Path(os.devnull), wanted("clean"))


@pytest.mark.parametrize(
    ("text", "received"),
    [
        (
            "clean: [1",
            "expected ',' or ']', but got '<stream end>' while parsing a flow sequence, on line 1, column 10",
        ),
        ("a: b: c", "mapping values are not allowed here, on line 1, column 5"),
        ("a: 1\n\tclean:", "found character '\\t' that cannot start any token"),
        ("a: \0", "unacceptable character #x0000: special characters are not allowed"),
        (b"\xff\xfe\xfa", "'utf-8' codec can't decode byte 0xff in position 0"),
    ],
)
def test_what_is_no_yaml_is_refused_on_one_line_that_ends_with_what_to_do(
    tmp_path: Path, text: str | bytes, received: str
) -> None:
    message = refuse_text(tmp_path, text)
    assert f"must be YAML. Received: {received}" in message
    assert message.endswith(". Mend that, and run again.")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("clean:\n  min_side_px: 1\n  min_side_px: 2\n", "min_side_px is there twice"),
        ("clean: {}\nsplit: {}\n'clean': {}\n", "clean is there twice"),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, text: str, line: str) -> None:
    message = refuse_text(tmp_path, text)
    assert f"must be YAML. Received: {line}" in message
    assert "line 3, column " in message


@pytest.mark.parametrize(
    "value", ["2024-02-30", "0b_", "!!int abc", "!!float x", "!!bool x", "!!timestamp x", "9" * 5_000]
)
def test_a_value_that_is_not_what_it_looks_like_is_refused_with_its_place(tmp_path: Path, value: str) -> None:
    message = refuse_text(tmp_path, f"clean: {{}}\nunzip:\n  archive: {value}\n")
    assert "params.yaml must be YAML. Received: " in message
    assert "on line 3, column 12. Mend that" in message


def test_keys_that_a_merge_brings_in_are_not_there_twice(tmp_path: Path) -> None:
    merges = "base: &a {x: 1}\nfirst: {inner: &b {<<: *a, x: 2}}\nsecond: {<<: *b}\n"
    assert "Received also: base, first, second." in refuse_text(tmp_path, merges)


@pytest.mark.parametrize(("text", "received"), [("", "nothing"), ("- clean", "list"), ("clean", "str")])
def test_what_is_no_mapping_is_refused(tmp_path: Path, text: str, received: str) -> None:
    assert f"must be a mapping of sections. Received: {received}." in refuse_text(tmp_path, text)


def test_a_missing_section_names_its_parameters(tmp_path: Path) -> None:
    message = refuse_text(tmp_path, yaml.safe_dump({name: DOCUMENT[name] for name in DOCUMENT if name != "clean"}))
    assert [line.split(" is missing")[0] for line in message.splitlines()] == [
        f"clean.{parameter}" for parameter in DOCUMENT["clean"]
    ]


def test_an_empty_section_is_named(tmp_path: Path) -> None:
    message = refuse_text(tmp_path, yaml.safe_dump(DOCUMENT | {"clean": None}))
    assert message.startswith("clean: Input should be a valid dictionary")


def test_a_missing_file_says_where_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as error:
        load_params(Path("params.yaml"), wanted("clean"))
    expected = f"Expected params.yaml in {tmp_path}. Received: no such file. Run this from the repository's root."
    assert str(error.value) == expected


# --- with_parameters, flatten_space


def test_with_parameters_replaces_what_it_names_and_nothing_else() -> None:
    before = FIT.model_dump()
    changed = with_parameters(FIT, {"head.dropout": 0.123, "epochs": 3, "head.units": [8, 4]}).model_dump()
    assert (changed["head"]["dropout"], changed["epochs"], changed["head"]["units"]) == (0.123, 3, (8, 4))
    changed["head"] |= {"dropout": FIT.head.dropout, "units": FIT.head.units}
    assert changed | {"epochs": FIT.epochs} == before == FIT.model_dump()


def test_with_no_parameters_nothing_changes() -> None:
    assert with_parameters(FIT, {}) == FIT


@pytest.mark.parametrize("parameter", ["dropout", "head.layers", "heads.dropout", "epochs.more"])
def test_with_parameters_refuses_what_is_no_parameter(parameter: str) -> None:
    with pytest.raises(ValidationError):
        with_parameters(FIT, {parameter: 0.1})


def test_with_parameters_refuses_a_value_out_of_range() -> None:
    with pytest.raises(ValidationError, match="less than 1"):
        with_parameters(FIT, {"head.dropout": 1.0})


def test_flatten_space_joins_names_with_dots() -> None:
    choices = {"type": "categorical", "choices": [1, 2]}
    space = {"a": {"b": {"c": FLOAT}, "d": choices}, "e": FLOAT}
    assert flatten_space(space) == {"a.b.c": FLOAT, "a.d": choices, "e": FLOAT}


def test_flatten_space_keeps_what_is_flat_and_what_is_no_mapping() -> None:
    assert flatten_space({"a.b": FLOAT, "c": 0.5}) == {"a.b": FLOAT, "c": 0.5}


def test_a_flat_space_is_the_same_as_a_nested_one(load: Callable[..., Any]) -> None:
    assert load("tune", space={"head.dropout": FLOAT}).space == load("tune", space={"head": {"dropout": FLOAT}}).space


def test_ends_of_an_integer_range_are_integers(load: Callable[..., Any]) -> None:
    ends = load("tune", space={"batch_size": {"type": "int", "low": 8, "high": 64}}).space["batch_size"].examples()
    assert [(type(end), end) for end in ends] == [(int, 8), (int, 64)]


def test_a_file_that_is_nested_too_deep_is_one_message(tmp_path: Path) -> None:
    message = refuse_text(tmp_path, "clean: " + "[" * 5_000 + "]" * 5_000)
    assert "params.yaml must hold sections of parameters. Received: a value that is nested so deep" in message


def test_aliases_that_stand_for_more_than_fits_into_memory_are_refused_in_short(tmp_path: Path) -> None:
    lines = ["split: &a0 [0, 0, 0, 0, 0, 0, 0, 0, 0]"]
    lines += [f"k{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = yaml.safe_dump({name: value for name, value in DOCUMENT.items() if name not in ("split", "clean")})
    message = refuse_text(tmp_path, "clean:\n" + "\n".join(f"  {line}" for line in lines) + "\n" + text)
    assert "clean.k11 is not a parameter. Received: [[[[" in message
    assert len(message) < 20_000
