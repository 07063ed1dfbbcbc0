"""Treatment remove_background: one colour replaces what surrounds the animal.

This is the only module that imports rembg, which takes seconds and memory.
"""

from __future__ import annotations

import functools
import os
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageColor

from rare_species.common.errors import UserError
from rare_species.common.validated_types import Parameters
from rare_species.images.fit_to_square import Treat
from rare_species.treatments.colour_parameter import Colour
from rare_species.treatments.treatment import Treatment

DOWNLOADS = "https://github.com/danielgatis/rembg/releases/tag/v0.0.0"
WHAT_TO_DO = (
    f"Name a file fetched from {DOWNLOADS} with dvc exp run -S preprocess.remove_background.weights=PATH, "
    "or choose another preprocess.treatment."
)


class RemoveBackgroundParams(Parameters):
    """The network of rembg that finds the animal, the source of its weights, and the colour behind the animal."""

    model: Literal["u2netp", "u2net", "silueta", "isnet-general-use"]
    weights: str
    colour: Colour


def make_background_removal(parameters: RemoveBackgroundParams) -> Treat:
    """Make a function that puts one colour behind the animal; the two blend where the animal's outline is soft.

    The weights are fetched and the network is tried once here, so that errors are reported before the first photo is
    processed.

    Args:
        parameters: the network of rembg, its weights, and the colour.

    Returns:
        A picklable function from a square RGB image to another with the same side. The network is loaded once in each
        process and computes on one core, so that the result does not depend on the number of cores.

    Raises:
        UserError: if a library or the weights are missing, or the weights do not belong to this network.
    """
    _check_libraries()
    weights = _find_weights(parameters.model, parameters.weights)
    cut_out = partial(_cut_out, model=parameters.model, weights=weights, colour=ImageColor.getrgb(parameters.colour))
    try:
        cut_out(Image.linear_gradient("L").convert("RGB"))
    except MemoryError:
        raise
    except Exception as error:  # the errors of ONNX Runtime have no base class of their own
        raise UserError(
            f"Expected the weights of rembg's {parameters.model}, an ONNX file. Received: {weights}, of which ONNX "
            f"Runtime says: {_first_line(error)} {WHAT_TO_DO}"
        ) from error
    return cut_out


def _check_libraries() -> None:
    """Check that rembg and ONNX Runtime can be imported; rembg exits the program if ONNX Runtime is missing."""
    try:
        import onnxruntime  # noqa: F401

        _network("u2net")
    except (ImportError, SystemExit) as error:
        raise UserError(
            f"preprocess.treatment=remove_background needs rembg and onnxruntime. Received: {_first_line(error)} "
            "Install them: .venv/bin/pip install -r requirements.txt, or choose another preprocess.treatment."
        ) from error


def _cut_out(photo: Image.Image, model: str, weights: Path, colour: tuple[int, ...]) -> Image.Image:
    (mask,) = _open_session(model, weights).predict(photo)
    return Image.composite(photo, Image.new("RGB", photo.size, colour), mask)


def _find_weights(model: str, weights: str) -> Path:
    """Return the file with a network's weights; with `auto`, rembg downloads it if it is not there yet."""
    if weights != "auto":
        if not Path(weights).is_file():
            raise UserError(
                f"preprocess.remove_background.weights must be auto or an ONNX file of {model}. "
                f"Received: {weights!r}, where there is no file. {WHAT_TO_DO}"
            )
        return Path(weights)
    try:
        return Path(_network(model).download_models())
    except (OSError, ValueError) as error:  # no network, no space, or another checksum
        raise UserError(
            f"Expected the weights of rembg's {model} in {_network(model).model_dir()}, or a connection to fetch them. "
            f"Received: {_first_line(error)} {WHAT_TO_DO}"
        ) from error


@functools.cache
def _open_session(model: str, weights: Path) -> Any:
    """Load a network; each process does so once."""
    import onnxruntime

    class Session(_network(model)):  # type: ignore[misc]  # rembg itself only reads files in its own folder
        """The network, with weights from any file."""

        @classmethod
        def download_models(cls, *args: object, **kwargs: object) -> str:  # noqa: ARG003
            """Return the path of the weights, which need no download."""
            return str(weights)

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # there is a process for each core
    return Session(model, options, providers=["CPUExecutionProvider"])


def _network(model: str) -> Any:
    """Return the class of one of rembg's networks."""
    # rembg imports a matting library that is not used here; without this, Numba compiles it for a minute the first time
    os.environ.setdefault("NUMBA_DISABLE_JIT", "1")
    from rembg.sessions import sessions

    return sessions[model]


def _first_line(error: BaseException) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return f"{lines[0].rstrip('. ')}."


TREATMENT = Treatment("remove_background", make_background_removal, RemoveBackgroundParams)
