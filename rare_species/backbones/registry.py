"""The networks that turn photos into features: what each expects, gives, and where its weights come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import keras
from keras import applications

from rare_species.backbones.efficientnet_lite import FEATURE_SIZE, efficientnet_lite0, load_checkpoint
from rare_species.backbones.vision_transformer import load_vit, vit_base16
from rare_species.backbones.weights import Download, Packaged
from rare_species.networks.rewriting import grouped_to_depthwise

PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"
KERNELS = "weights_tf_dim_ordering_tf_kernels"
ONE_K, TWENTY_ONE_K = "ImageNet-1k", "ImageNet-21k, then 1k"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1]
BGR_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's BGR in [0, 255]


@dataclass(frozen=True)
class Scaling:
    """What happens to RGB in [0, 255] before the network sees it: `pixels * scale + offset`.

    Attributes:
        scale: one number, or one per channel.
        offset: the same.
        order: of the channels; for "bgr" they are reversed before they are scaled.
    """

    scale: float | tuple[float, ...] = 1.0
    offset: float | tuple[float, ...] = 0.0
    order: Literal["rgb", "bgr"] = "rgb"


UNIT = Scaling(1 / 127.5, -1.0)  # to [-1, 1]
UNIT_OF_128 = Scaling(1 / 128, -1.0)
UNIT_AROUND_127 = Scaling(1 / 128, -127 / 128)
STANDARDISED = Scaling(tuple(1 / (255 * s) for s in STD), tuple(-m / s for m, s in zip(MEAN, STD, strict=True)))
CAFFE = Scaling(1.0, tuple(-m for m in BGR_MEAN), "bgr")
# EfficientNetB0 standardises by itself, but its ImageNet weights want each channel divided by the root of its
# deviation once more: https://github.com/keras-team/keras/blob/v3.15.0/keras/src/applications/efficientnet.py
TWICE = Scaling(tuple(s**-0.5 for s in STD), tuple(255 * m * (1 - s**-0.5) for m, s in zip(MEAN, STD, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """One entry of the registry.

    Attributes:
        name: as in `model.name`.
        factory: builds the network, called as those in `keras.applications` are.
        scaling: of its input.
        feature_size: length of a feature vector.
        blocks: that fine-tuning can free one by one from the end, see `layer_groups.block_numbers`.
        parameters: numbers in its weights, without a classifier.
        licence: of its ImageNet weights.
        source: where those come from.
        pretrained_on: the data they were trained on.
        native_size: side of the photos they were trained on, in pixels.
        min_size: smallest side that the network can take, in pixels.
        load: copies weights from a file into the network.
        rewrite: makes the loaded network faster; it can still be trained.
    """

    name: str
    factory: Callable[..., keras.Model]
    scaling: Scaling
    feature_size: int
    blocks: int
    parameters: int
    licence: str
    source: Download | Packaged
    pretrained_on: str = ONE_K
    native_size: int = 224
    min_size: int = 32
    load: Callable[[keras.Model, Path], None] = field(default=keras.Model.load_weights, repr=False)
    rewrite: Callable[[keras.Model], keras.Model] | None = None


def _efficientnetv2(
    variant: str, feature_size: int, blocks: int, parameters: int, *, native_size: int, digest: str
) -> Backbone:
    factory = getattr(applications, f"EfficientNetV2{variant.upper()}")
    return Backbone(
        name=f"efficientnetv2{variant}",
        factory=partial(factory, include_preprocessing=False),
        scaling=UNIT_OF_128 if variant == "s" else STANDARDISED,
        feature_size=feature_size,
        blocks=blocks,
        parameters=parameters,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/efficientnet_v2/efficientnetv2-{variant}_notop.h5", digest),
        native_size=native_size,
    )


def _convnext(
    variant: str, feature_size: int, blocks: int, parameters: int, *, digest: str, pretrained_on: str = ONE_K
) -> Backbone:
    factory = getattr(applications, f"ConvNeXt{variant.capitalize()}")
    return Backbone(
        name=f"convnext{variant}",
        factory=partial(factory, include_preprocessing=False),
        scaling=STANDARDISED,
        feature_size=feature_size,
        blocks=blocks,
        parameters=parameters,
        licence="MIT",
        source=Download(f"{PUBLISHED}/convnext/convnext_{variant}_notop.h5", digest),
        pretrained_on=pretrained_on,
        rewrite=grouped_to_depthwise,
    )


_ENTRIES = (
    Backbone(
        name="efficientnetlite0",
        factory=efficientnet_lite0,
        scaling=UNIT_AROUND_127,
        feature_size=FEATURE_SIZE,
        blocks=16,
        parameters=3_413_024,
        licence="Apache-2.0",
        source=Packaged(),
        load=load_checkpoint,
    ),
    Backbone(
        name="efficientnetb0",
        factory=applications.EfficientNetB0,
        scaling=TWICE,
        feature_size=1280,
        blocks=16,
        parameters=4_049_571,
        licence="Apache-2.0",
        source=Download(
            "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5",
            "50bc09e76180e00e4465e1a485ddc09d",
        ),
    ),
    Backbone(
        name="mobilenetv2",
        factory=applications.MobileNetV2,
        scaling=UNIT,
        feature_size=1280,
        blocks=17,
        parameters=2_257_984,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/mobilenet_v2/mobilenet_v2_{KERNELS}_1.0_224_no_top.h5", ""),
    ),
    Backbone(
        name="resnet50",
        factory=applications.ResNet50,
        scaling=CAFFE,
        feature_size=2048,
        blocks=16,
        parameters=23_587_712,
        licence="MIT",
        source=Download(f"{PUBLISHED}/resnet/resnet50_{KERNELS}_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    Backbone(
        name="densenet121",
        factory=applications.DenseNet121,
        scaling=STANDARDISED,
        feature_size=1024,
        blocks=58,
        parameters=7_037_504,
        licence="BSD-3-Clause",
        source=Download(f"{PUBLISHED}/densenet/densenet121_{KERNELS}_notop.h5", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    Backbone(
        name="vgg16",
        factory=applications.VGG16,
        scaling=CAFFE,
        feature_size=512,
        blocks=5,
        parameters=14_714_688,
        licence="CC-BY-4.0",
        source=Download(f"{PUBLISHED}/vgg16/vgg16_{KERNELS}_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
    ),
    _efficientnetv2("b0", 1280, 21, 5_919_312, native_size=224, digest="893217f2bb855e2983157299931e43ff"),
    _efficientnetv2("b3", 1536, 32, 12_930_622, native_size=300, digest="f6abf7b5849ac99a89b50dd3fd532856"),
    _efficientnetv2("s", 1280, 40, 20_331_360, native_size=384, digest="af0682fb74e8c54910f2d4393339c070"),
    Backbone(
        name="mobilenetv3large",
        factory=partial(applications.MobileNetV3Large, include_preprocessing=False),
        scaling=UNIT,
        feature_size=960,
        blocks=15,
        parameters=2_996_352,
        licence="Apache-2.0",
        source=Download(
            f"{PUBLISHED}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
    ),
    _convnext("tiny", 768, 18, 27_820_128, digest="d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
    _convnext("small", 768, 36, 49_454_688, digest="6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
    _convnext(
        "base",
        1024,
        36,
        87_566_464,
        digest="40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        pretrained_on=TWENTY_ONE_K,
    ),
    Backbone(
        name="vitbase16",
        factory=vit_base16,
        scaling=UNIT,
        feature_size=768,
        blocks=12,
        parameters=85_798_656,
        licence="Apache-2.0",
        source=Download(
            "https://huggingface.co/keras/vit_base_patch16_224_imagenet/resolve/main/model.weights.h5",
            "",
            "vit_base_patch16_224_imagenet.weights.h5",
        ),
        pretrained_on=TWENTY_ONE_K,
        min_size=16,
        load=load_vit,
    ),
)

REGISTRY = {entry.name: entry for entry in _ENTRIES}
