"""Print the registry of backbones, or find their weights: `python -m rare_species backbones [NAME ...]`."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence

from rare_species.backbones.printed_table import registry_table
from rare_species.backbones.registry import REGISTRY
from rare_species.backbones.weights import find_weights
from rare_species.common.command_line import Parser, run_command
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.networks.tensorflow_start import start_tensorflow


def main(argv: Sequence[str] | None = None) -> int:
    """Print the registry, or find the weights of some of it.

    Args:
        argv: arguments; those of the process when None.

    Returns:
        0, or 1 when a name is not in the registry or its weights can't be found or downloaded.
    """
    parser = Parser(
        prog="python -m rare_species backbones",
        description="Print the registry; with names, find or download their ImageNet weights and print where they are.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="a name in the registry; no names: print the registry")
    names = parser.parse_args(argv).names
    return run_command("backbones", lambda: _print(names))


def _print(names: Sequence[str]) -> int:
    if names:
        return _print_paths(names)
    print(registry_table())
    return 0


def _print_paths(names: Sequence[str]) -> int:
    if unknown := [name for name in names if name not in REGISTRY]:
        raise UserError(
            f"Expected names of the registry. Received: {', '.join(unknown)}. Choose from {', '.join(REGISTRY)}."
        )
    start_tensorflow()
    for name in names:
        with contextlib.redirect_stdout(sys.stderr):  # where Keras draws the bar of a download
            path = find_weights("imagenet", REGISTRY[name].source, Paths())
        print(path.resolve())
    return 0
