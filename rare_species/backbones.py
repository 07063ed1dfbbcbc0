"""Build the networks of the registry with their weights; `python -m rare_species.backbones` prints or fetches them."""

from __future__ import annotations

import contextlib
import hashlib
import sys
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import pandas as pd

from rare_species.command import Parser, run_command
from rare_species.errors import UserError
from rare_species.paths import Paths
from rare_species.pretrained import find_weights
from rare_species.registry import REGISTRY, Backbone, Scaling


def build_backbone(
    name: str, weights: str, side_px: int, paths: Paths | None = None
) -> tuple[keras.Model, Path | None]:
    """Build a network from RGB in [0, 255] to features; it scales its own input.

    Args:
        name: a key of `REGISTRY`.
        weights: "imagenet", "none" (random) or the path of a weights file.
        side_px: side of the input, in pixels.
        paths: the pipeline's folders; those below the current folder when not given.

    Returns:
        A frozen model named "backbone" from (n, side_px, side_px, 3) to (n, feature_size), and the file that its
        weights came from, None for random ones.

    Raises:
        UserError: when the side is too small, or the weights can't be had or are another model's.
    """
    entry = REGISTRY[name]
    if side_px < entry.min_size:
        raise UserError(
            f"Expected preprocess.image_size of at least {entry.min_size} for {name}. Received: {side_px}. "
            f"Set it in params.yaml; the weights were trained at {entry.native_size}."
        )
    file = None if weights == "none" else find_weights(weights, entry.source, paths or Paths())
    network = entry.factory(include_top=False, weights=None, input_shape=(side_px, side_px, 3), pooling="avg")
    if file:
        _load(entry, network, file)
    return with_scaling(entry.rewrite(network) if entry.rewrite else network, entry.scaling), file


def weights_digest(model: keras.Model) -> str:
    """SHA-256 of all weights in order: what the model is, wherever its weights came from."""
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()


def registry_table() -> pd.DataFrame:
    """The registry, one row per backbone."""
    rows = [
        {
            "name": entry.name,
            "parameters": f"{entry.parameters / 1e6:.1f} M",
            "features": entry.feature_size,
            "blocks": entry.blocks,
            "trained at": f"{entry.native_size} px",
            "trained on": entry.pretrained_on,
            "licence": entry.licence,
            "digest": entry.source.digest or "not published",
            "weights": entry.source.url,
        }
        for entry in REGISTRY.values()
    ]
    return pd.DataFrame(rows)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the registry, or find the weights of some of it.

    Args:
        argv: arguments; those of the process when None.

    Returns:
        0, or 1 when weights can't be had.
    """
    parser = Parser(
        prog="python -m rare_species.backbones",
        description="Print the registry; with names, find or download their ImageNet weights and print where they are.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(REGISTRY))
    names = parser.parse_args(argv).names
    unknown = [name for name in names if name not in REGISTRY]
    if unknown:
        parser.error(
            f"expected names of the registry. Received: {', '.join(unknown)}. Choose from {', '.join(REGISTRY)}"
        )
    return run_command("backbones", lambda: _print_paths(names) if names else _print_registry())


def _print_paths(names: Sequence[str]) -> int:
    for name in names:
        with contextlib.redirect_stdout(sys.stderr):  # where Keras draws the bar of a download
            path = find_weights("imagenet", REGISTRY[name].source, Paths())
        print(path.resolve())
    return 0


def _print_registry() -> int:
    table = registry_table().astype(str)
    widths = [max(map(len, (name, *table[name]))) for name in table]
    for row in (table.columns, *table.to_numpy()):
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0


def with_scaling(network: keras.Model, scaling: Scaling) -> keras.Model:
    """Put its scaling before a network: a frozen model named "backbone" that takes RGB in [0, 255]."""
    x = inputs = keras.Input(network.input_shape[1:], name="rgb")
    if scaling.order == "bgr":
        x = keras.ops.flip(x, axis=-1)
    x = keras.layers.Rescaling(scaling.scale, scaling.offset, name="scale")(x)
    model = keras.Model(inputs, network(x, training=False), name="backbone")
    model.trainable = False
    return model


def _load(entry: Backbone, network: keras.Model, path: Path) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # one per layer that the file lacks; then Keras raises
            entry.load(network, path)
    except (ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(
            f"Expected weights of {entry.name} without its top. Received: {path}, which does not fit ({reason}). "
            "Name the right file with dvc exp run -S model.weights=PATH, or choose the model it belongs to."
        ) from error


if __name__ == "__main__":
    sys.exit(main())
