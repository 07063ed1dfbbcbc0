"""Time ConvNeXt with depthwise convolutions against the one of keras.applications, on this machine.

Run from the repository root: `python -m benchmarks.convnext [--batch 8] [--side 224] [--rounds 5]`. Both have the same
random weights and take turns, so that whatever else runs slows both. It prints the medians, their ratio and the
largest difference of a feature, relative to the largest feature.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from benchmarks.report import Row
from benchmarks.timing import Turns, take_turns, timed
from rare_species.backbones.build import build_network
from rare_species.backbones.registry import REGISTRY
from rare_species.networks.inference import inference
from rare_species.networks.inference_rewriting import grouped_to_depthwise


@dataclass(frozen=True)
class Result:
    """What both took, and how far apart their features are, relative to the largest feature."""

    turns: Turns
    difference: float


def compare(name: str, batch: int, side: int, rounds: int) -> Result:
    """Run both in turns.

    Args:
        name: a ConvNeXt of `REGISTRY`.
        batch: photos per call.
        side: in pixels.
        rounds: calls of each.
    """
    keras.utils.set_random_seed(0)
    stock = build_network(REGISTRY[name], side)
    for layer in stock.layers:
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(tf.ones_like(layer.gamma))  # at 1e-6, where they start, the blocks would do nothing
    calls = {"stock": inference(stock), "depthwise": inference(grouped_to_depthwise(stock))}
    photos = tf.random.normal((batch, side, side, 3), seed=0)
    features = {name: call(photos).numpy() for name, call in calls.items()}
    turns = take_turns({name: timed(partial(call, photos)) for name, call in calls.items()}, rounds)
    difference = np.abs(features["depthwise"] - features["stock"]).max() / np.abs(features["stock"]).max()
    return Result(turns, float(difference))


def rows() -> list[Row]:
    """The smallest ConvNeXt against the one of keras.applications."""
    measured = str(compare("convnexttiny", 8, 224, 5).turns.speed("depthwise", "stock"))
    return [Row("ConvNeXtTiny forward, depthwise", "that of `keras.applications`", "≥ 5×", measured)]


def main() -> int:
    """Print medians, ratio and difference."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convnext")
    parser.add_argument("--name", default="convnexttiny", choices=[name for name in REGISTRY if "convnext" in name])
    parser.add_argument("--batch", type=int, default=8, help="photos per call; default: 8")
    parser.add_argument("--side", type=int, default=224, help="in pixels; default: 224")
    parser.add_argument("--rounds", type=int, default=5, help="calls of each; default: 5")
    parameters = parser.parse_args()
    result = compare(**vars(parameters))
    print(f"{parameters.name}, {parameters.batch} photos of {parameters.side} px, median of {parameters.rounds}")
    for name in result.turns.seconds:
        median = result.turns.median(name)
        print(f"{name:10} {median:7.2f} s  {parameters.batch / median:6.1f} photos a second")
    speed = result.turns.speed("depthwise", "stock")
    print(f"depthwise is {speed.median:.1f} times as fast; features differ by {result.difference:.1e}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
