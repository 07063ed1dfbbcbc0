"""rare_species.treatments.registry: colour blocks change where and how their parameters say, and nowhere else."""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from PIL import Image

from rare_species.common.errors import UserError
from rare_species.images.fit_to_square import Treat
from rare_species.params.preprocess import PreprocessParams
from rare_species.treatments.registry import TREATMENTS, make_treatment
from tests.tiny_onnx import write_network
from tests.toy import REPO

RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
NAMES = tuple(TREATMENTS)
PARAMETERS = PreprocessParams.model_validate(
    yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))["preprocess"]
)
SIDE_PX = 64
MASK = {"name": "circular_mask", "radius": 1.0, "edge": 0.0, "colour": "black"}
Pixels = NDArray[np.int64]


def halves(left: tuple[int, int, int] = RED, right: tuple[int, int, int] = BLUE) -> Image.Image:
    image = Image.new("RGB", (SIDE_PX, SIDE_PX), right)
    image.paste(left, (0, 0, SIDE_PX // 2, SIDE_PX))
    return image


def white(side_px: int) -> Image.Image:
    return Image.new("RGB", (side_px, side_px), "white")


def mask(**parameters: Any) -> Treat:
    return make_treatment(MASK | parameters)


def blur(**parameters: Any) -> Treat:
    return make_treatment({"name": "peripheral_blur", "radius": 0.5, "edge": 0.0, "sigma": 0.05} | parameters)


def pixels(image: Image.Image) -> Pixels:
    assert image.mode == "RGB"
    return np.asarray(image, dtype=np.int64)


def changed(before: Image.Image, after: Image.Image) -> NDArray[np.bool_]:
    return (pixels(before) != pixels(after)).any(axis=2)


@pytest.fixture(scope="module", params=NAMES)
def recipe(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What packed.json would hold of each treatment in turn."""
    network = write_network(tmp_path_factory.mktemp("network") / "tiny.onnx")
    removal = PARAMETERS.remove_background.model_copy(update={"weights": str(network)})
    return PARAMETERS.model_copy(update={"remove_background": removal}).recipe(request.param)


# --- all of them


def test_a_treated_photo_is_rgb_of_the_same_side_and_the_photo_is_as_before(recipe: dict[str, Any]) -> None:
    photo = halves()
    treated = make_treatment(recipe)(photo)
    assert (treated.mode, treated.size) == ("RGB", photo.size)
    assert not changed(photo, halves()).any()


def test_only_none_leaves_the_photo_as_it_is(recipe: dict[str, Any]) -> None:
    assert changed(halves(), make_treatment(recipe)(halves())).any() == (recipe["name"] != "none")


def test_a_treatment_can_be_sent_to_a_worker_and_made_again_from_its_json(recipe: dict[str, Any]) -> None:
    treat = make_treatment(recipe)
    for copy in (pickle.loads(pickle.dumps(treat)), make_treatment(json.loads(json.dumps(recipe)))):
        assert not changed(treat(halves()), copy(halves())).any()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_has_the_name_and_the_parameters_of_that_treatment_alone(name: str) -> None:
    parameters = PARAMETERS.model_dump()
    assert PARAMETERS.recipe(name) == {"name": name} | parameters.get(name, {})


# --- grayscale


@pytest.mark.parametrize(
    ("colour", "luma"), [(RED, 76), (GREEN, 150), (BLUE, 29), (YELLOW, 226), ((10, 20, 30), 18), ((255, 255, 255), 255)]
)
def test_grayscale_is_the_luma_in_all_channels(colour: tuple[int, int, int], luma: int) -> None:
    # 0.299 R + 0.587 G + 0.114 B, rounded
    treated = make_treatment({"name": "grayscale"})(Image.new("RGB", (8, 8), colour))
    assert (pixels(treated) == luma).all()


# --- circular_mask


def test_a_mask_of_radius_1_takes_the_corners_only() -> None:
    # of 4 pixels a side, centres lie at 0.25 and 0.75 of half the side: corners at 1.06, their neighbours at 0.79
    treated = pixels(mask()(white(4)))[..., 0]
    assert treated.tolist() == [[0, 255, 255, 0], [255] * 4, [255] * 4, [0, 255, 255, 0]]


def test_a_mask_fades_over_its_edge() -> None:
    treated = pixels(mask(radius=0.5, edge=0.5)(white(4)))[..., 0]
    between = round(255 * (1 - (np.hypot(0.25, 0.75) - 0.5) / 0.5))  # 107
    assert treated[0].tolist() == [0, between, between, 0]
    assert treated[1].tolist() == [between, 255, 255, between]


@pytest.mark.parametrize("edge", [0.0, 0.3])
def test_a_mask_leaves_all_within_its_radius(edge: float) -> None:
    outside = changed(halves(), mask(radius=0.5, edge=edge, colour="white")(halves()))
    rows, columns = np.nonzero(outside)
    distances = np.hypot(rows - 31.5, columns - 31.5) / 32
    assert distances.min() > 0.5
    assert outside.sum() == pytest.approx(SIDE_PX**2 * (1 - np.pi / 16), rel=0.01)


def test_a_larger_radius_leaves_more_and_the_corners_end_it() -> None:
    kept = [int((~changed(white(64), mask(radius=radius)(white(64)))).sum()) for radius in (0.2, 0.6, 1.0, 1.42)]
    assert kept == sorted(set(kept))
    assert kept[-1] == 64**2


@pytest.mark.parametrize(("colour", "rgb"), [("white", (255, 255, 255)), ("#7c7468", (124, 116, 104))])
def test_the_colour_around_a_mask_is_exact(colour: str, rgb: tuple[int, int, int]) -> None:
    treated = pixels(mask(colour=colour)(halves()))
    assert {tuple(treated[row, column]) for row in (0, -1) for column in (0, -1)} == {rgb}
    assert tuple(treated[32, 0]) == RED
    assert tuple(treated[32, -1]) == BLUE


# --- peripheral_blur


def steps(row: Pixels) -> Pixels:
    """Red's differences from pixel to pixel: one step of 255 where red meets blue."""
    return -np.diff(row[:, 0])


def test_a_blur_leaves_the_centre_and_softens_the_periphery() -> None:
    treated = pixels(blur()(halves()))
    assert (treated[20:44, 24:40] == pixels(halves())[20:44, 24:40]).all()
    for row in (0, 8, -1):
        assert steps(treated[row]).max() < 64
        assert (steps(treated[row]) >= 0).all()
        assert steps(treated[row]).sum() == 255


def test_a_blur_changes_nothing_where_there_is_nothing_to_soften() -> None:
    assert not changed(white(64), blur(sigma=0.5)(white(64))).any()


def test_a_larger_sigma_softens_more() -> None:
    steepest = [int(steps(pixels(blur(sigma=sigma)(halves()))[0]).max()) for sigma in (0.01, 0.03, 0.1)]
    assert steepest == sorted(set(steepest), reverse=True)


def test_sigma_is_a_share_of_the_side() -> None:
    large = halves().resize((256, 256), Image.Resampling.NEAREST)
    small, large_row = pixels(blur()(halves()))[0, :, 0], pixels(blur()(large))[0, :, 0]
    np.testing.assert_allclose(large_row.reshape(64, 4).mean(axis=1), small, atol=6)


def test_a_larger_radius_keeps_more_sharp() -> None:
    soft = [int(changed(halves(), blur(radius=radius)(halves())).sum()) for radius in (0.2, 0.6, 1.2)]
    assert soft == sorted(set(soft), reverse=True)
    assert soft[-1] == 0  # where the halves meet is all within the circle


def test_a_blur_comes_in_over_its_edge() -> None:
    photo, all_blurred = halves(), blur(radius=0.001)(halves())
    for edge, has_between in ((0.0, False), (0.4, True)):
        treated = blur(edge=edge)(photo)
        between = changed(photo, treated) & changed(all_blurred, treated)
        assert between.any() == has_between


@pytest.mark.parametrize(
    ("recipe", "found"),
    [
        ({}, r"among none, circular_mask, grayscale.* Received: None"),
        ({"name": "sepia"}, "Received: 'sepia'"),
        ({"name": ["none"]}, r"Received: \['none'\]"),
        ({"name": "none", "radius": 1.0}, "of treatment none. radius: Extra inputs are not permitted. Received: 1.0"),
        (MASK | {"radius": 9.0}, "of treatment circular_mask. radius: .* Received: 9.0"),
        (MASK | {"radius": "1"}, "radius: .* Received: '1'"),
        (MASK | {"radius": float("nan")}, "radius: .* Received: nan"),
        (MASK | {"sigma": 0.1}, "sigma: "),
        ({"name": "circular_mask"}, "radius: Field required"),
    ],
)
def test_a_recipe_of_no_treatment_that_there_is_is_refused(recipe: dict[str, Any], found: str) -> None:
    with pytest.raises(UserError, match=rf"Expected .*{found}.* Run the pipeline again: make repro"):
        make_treatment(recipe)


# --- remove_background: its parameters are in test_remove_background.py


def test_a_background_is_removed_by_the_network_that_the_recipe_names(tmp_path: Path) -> None:
    network = str(write_network(tmp_path / "bright.onnx"))
    recipe = {"name": "remove_background", "model": "u2netp", "weights": network, "colour": "red"}
    treated = pixels(make_treatment(recipe)(halves((255, 255, 255), (0, 0, 0))))
    assert (treated[:, :24] == 255).all()
    assert (treated[:, -24:] == RED).all()
