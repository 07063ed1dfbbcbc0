"""Time ConvNeXt with depthwise convolutions against the one of keras.applications, on this machine.

Run from the repository root: `python -m benchmarks.convnext [--batch 8] [--side 224] [--rounds 5]`. Both have the same
random weights and take turns, so that whatever else runs slows both. It prints the medians, their ratio and the
largest difference of a feature, relative to the largest feature.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from rare_species.models import inference
from rare_species.registry import REGISTRY
from rare_species.rewriting import grouped_to_depthwise


def seconds(call: Callable[[tf.Tensor], tf.Tensor], batch: tf.Tensor) -> float:
    """Time of one call on one batch."""
    started = time.perf_counter()
    call(batch).numpy()
    return time.perf_counter() - started


def main() -> int:
    """Print medians, ratio and difference."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.convnext")
    parser.add_argument("--name", default="convnexttiny", choices=[name for name in REGISTRY if "convnext" in name])
    parser.add_argument("--batch", type=int, default=8, help="photos per call; default: 8")
    parser.add_argument("--side", type=int, default=224, help="in pixels; default: 224")
    parser.add_argument("--rounds", type=int, default=5, help="calls of each; default: 5")
    knobs = parser.parse_args()
    keras.utils.set_random_seed(0)
    stock = REGISTRY[knobs.name].factory(
        include_top=False, weights=None, input_shape=(knobs.side, knobs.side, 3), pooling="avg"
    )
    for layer in stock.layers:
        if type(layer).__name__ == "LayerScale":
            layer.gamma.assign(tf.ones_like(layer.gamma))  # at 1e-6, where they start, the blocks would do nothing
    calls = {"stock": inference(stock), "depthwise": inference(grouped_to_depthwise(stock))}
    batch = tf.random.normal((knobs.batch, knobs.side, knobs.side, 3), seed=0)
    features = {name: call(batch).numpy() for name, call in calls.items()}  # the first call is not timed
    rounds = [{name: seconds(call, batch) for name, call in calls.items()} for _ in range(knobs.rounds)]
    medians = {name: float(np.median([times[name] for times in rounds])) for name in calls}
    difference = np.abs(features["depthwise"] - features["stock"]).max() / np.abs(features["stock"]).max()
    print(f"{knobs.name}, {knobs.batch} photos of {knobs.side} px, median of {knobs.rounds}")
    for name, median in medians.items():
        print(f"{name:10} {median:7.2f} s  {knobs.batch / median:6.1f} photos a second")
    print(
        f"depthwise is {medians['stock'] / medians['depthwise']:.1f} times as fast; features differ by {difference:.1e}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
