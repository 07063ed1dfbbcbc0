"""rare_species.treatments.remove_background: a network of one layer stands in for rembg's."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rare_species.common.errors import UserError
from rare_species.images.decode import encode_jpeg
from rare_species.images.fit_to_square import fit_file
from rare_species.parallel.pools import map_in_processes
from rare_species.treatments import remove_background as background
from rare_species.treatments.remove_background import RemoveBackgroundParams, make_background_removal
from tests.tiny_onnx import write_network
from tests.toy import REPO

INPUT_SIDES_PX = {"u2netp": 320, "u2net": 320, "silueta": 320, "isnet-general-use": 1024}
CHOOSE = "or choose another preprocess.treatment."


def parameters(**changes: Any) -> RemoveBackgroundParams:
    return RemoveBackgroundParams(**{"model": "u2netp", "weights": "auto", "colour": "white"} | changes)


def bright_block(side_px: int = 64) -> Image.Image:
    """A yellow block, a quarter of the photo, in the middle of a dark blue one."""
    image = Image.new("RGB", (side_px, side_px), (0, 0, 40))
    image.paste((255, 255, 0), (side_px // 4, side_px // 4, side_px * 3 // 4, side_px * 3 // 4))
    return image


def refuse(**changes: Any) -> str:
    with pytest.raises(UserError) as error:
        make_background_removal(parameters(**changes))
    message = str(error.value)
    assert "\n" not in message
    assert "-S preprocess.remove_background.weights=PATH" in message
    assert message.endswith(CHOOSE)
    return message


@pytest.fixture
def network(tmp_path: Path) -> str:
    return str(write_network(tmp_path / "bright.onnx"))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place for rembg's downloads."""
    monkeypatch.setenv("U2NET_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize(("colour", "rgb"), [("white", (255, 255, 255)), ("#7c7468", (124, 116, 104))])
def test_what_is_found_stays_and_the_colour_around_it_is_exact(
    network: str, colour: str, rgb: tuple[int, int, int]
) -> None:
    treated = np.asarray(make_background_removal(parameters(weights=network, colour=colour))(bright_block()))
    assert (treated[20:44, 20:44] == (255, 255, 0)).all()
    outside = np.ones((64, 64), dtype=bool)
    outside[12:52, 12:52] = False
    assert (treated[outside] == rgb).all()


def test_an_outline_is_blended(network: str) -> None:
    """A ramp of brightness is as much photo as it is bright."""
    ramp = Image.linear_gradient("L").convert("RGB")
    treated = np.asarray(make_background_removal(parameters(weights=network, colour="black"))(ramp))[:, 128, 0]
    np.testing.assert_allclose(treated, np.arange(256) ** 2 / 255, atol=4)


@pytest.mark.parametrize("model", INPUT_SIDES_PX)
def test_each_model_gives_photos_the_side_its_network_takes(tmp_path: Path, model: str) -> None:
    for side_px in (320, 1024):
        weights = str(write_network(tmp_path / f"{side_px}.onnx", side_px))
        if side_px == INPUT_SIDES_PX[model]:
            assert make_background_removal(parameters(model=model, weights=weights))(bright_block()).size == (64, 64)
        else:
            assert f"Expected the weights of rembg's {model}" in refuse(model=model, weights=weights)


def test_a_network_is_loaded_once_in_a_process(network: str) -> None:
    before = background._open_session.cache_info().misses
    for colour in ("white", "black"):
        treat = make_background_removal(parameters(weights=network, colour=colour))
        treat(bright_block())
        treat(bright_block())
    assert background._open_session.cache_info().misses == before + 1


def test_one_core_is_enough_for_a_network(network: str) -> None:
    options = background._open_session("u2netp", Path(network)).inner_session.get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)


class Fitted:
    """What a worker does to each photo."""

    def __init__(self, treat: Any) -> None:
        self.treat = treat

    def __call__(self, path: Path) -> bytes:
        return fit_file(path, 48, "crop", self.treat, 95).jpeg


def test_bytes_are_the_same_for_any_number_of_workers(network: str, tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.jpg" for number in range(32)]  # two chunks
    for number, path in enumerate(paths):
        path.write_bytes(encode_jpeg(bright_block(50 + number), 95))
    fit = Fitted(make_background_removal(parameters(weights=network)))
    alone, shared = (list(map_in_processes(fit, paths, "cut out", workers)) for workers in (1, 2))
    assert alone == shared
    assert len(set(alone)) > 1


# --- where weights come from


def test_rembg_downloads_once_where_it_is_wished(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import pooch

    def retrieve(url: str, known_hash: str, fname: str, path: str, **_: object) -> None:
        assert (url.rpartition("/")[2], known_hash) == ("u2netp.onnx", "md5:8e83ca70e441ab06c318d82300c84806")
        Path(path).mkdir(parents=True)  # it is there at a second download
        write_network(Path(path) / fname)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    for _ in range(2):
        assert make_background_removal(parameters())(bright_block()).getpixel((0, 0)) == (255, 255, 255)
    assert [path.relative_to(home).as_posix() for path in home.rglob("*.onnx")] == ["models/u2netp/u2netp.onnx"]


@pytest.mark.parametrize("error", [ConnectionError("no route to host"), ValueError("another checksum")])
def test_a_failed_download_says_what_to_fetch(home: Path, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    import pooch

    def retrieve(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    message = refuse()
    assert f"weights of rembg's u2netp in {home / 'models/u2netp'}, or a connection to fetch them" in message
    assert f"Received: {error}." in message
    assert "https://github.com/danielgatis/rembg/releases" in message


def test_a_file_that_is_not_there_is_named() -> None:
    message = refuse(weights="data/weights/gone.onnx")
    assert "must be auto or an ONNX file of u2netp. Received: 'data/weights/gone.onnx', where there is no" in message


@pytest.mark.parametrize("data", [b"", b"<html>404 Not Found</html>"], ids=["empty", "a web page"])
def test_a_file_that_is_no_network_is_named(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "u2netp.onnx"
    path.write_bytes(data)
    assert f"an ONNX file. Received: {path}, of which ONNX Runtime says: " in refuse(weights=str(path))


def test_rembg_is_imported_when_a_background_is_to_go_without_compiling_what_is_not_used(network: str) -> None:
    code = f"""
import os, sys
from rare_species.treatments.registry import make_treatment
for name in ("none", "grayscale"):
    make_treatment({{"name": name}})
make_treatment({{"name": "circular_mask", "radius": 1, "edge": 0, "colour": "red"}})
make_treatment({{"name": "peripheral_blur", "radius": 1, "edge": 0, "sigma": 0.1}})
assert not {{"rembg", "onnxruntime", "numba"}} & set(sys.modules)
make_treatment({{"name": "remove_background", "model": "u2netp", "weights": {network!r}, "colour": "red"}})
assert {{"rembg", "onnxruntime"}} <= set(sys.modules)
import numba
assert numba.config.DISABLE_JIT
"""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_DISABLE_JIT"}
    subprocess.run([sys.executable, "-c", code], cwd=REPO, env=environment, check=True)


@pytest.mark.parametrize("missing", ["onnxruntime", "rembg"])
def test_a_missing_library_is_named_and_not_taken_for_wrong_weights(network: str, missing: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from rare_species.treatments.remove_background import RemoveBackgroundParams, make_background_removal
from rare_species.common.errors import UserError
try:
    make_background_removal(RemoveBackgroundParams(model="u2netp", weights={network!r}, colour="white"))
except UserError as error:
    print(error)
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=True).stdout
    assert re.search(f"needs rembg and onnxruntime. Received: .*{missing}.* Install them: .*requirements.txt", said)
    assert "weights" not in said
