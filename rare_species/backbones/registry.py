"""The networks that turn photos into features: what each expects, gives, and where its weights come from.

A table that is read without TensorFlow: the functions that build, load and rewrite a network stand here by name, as
"module:function", and `build` resolves them when it needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from rare_species.backbones.weights import Download, Packaged

PUBLISHED = "https://storage.googleapis.com/tensorflow/keras-applications"
KERNELS = "weights_tf_dim_ordering_tf_kernels"
ONE_K, TWENTY_ONE_K = "ImageNet-1k", "ImageNet-21k, then 1k"
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1]
BGR_MEAN = (103.939, 116.779, 123.68)  # of ImageNet's BGR in [0, 255]
NO_SCALING: Mapping[str, Any] = {"include_preprocessing": False}  # by the network itself: `scaling` comes before it
DEPTHWISE = "rare_species.networks.inference_rewriting:grouped_to_depthwise"


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
STANDARDISED_TWICE = Scaling(
    tuple(s**-0.5 for s in STD), tuple(255 * m * (1 - s**-0.5) for m, s in zip(MEAN, STD, strict=True))
)


@dataclass(frozen=True, kw_only=True)
class Backbone:
    """One entry of the registry.

    Attributes:
        name: as in `model.name`.
        factory: name of the function that builds the network, called as those in `keras.applications` are.
        arguments: further arguments of the factory.
        scaling: of its input.
        feature_size: length of a feature vector.
        layer_groups: number of groups that fine-tuning can unfreeze, from the end, see `layer_groups.group_numbers`.
        parameters: number of weights, without a classifier.
        licence: of its ImageNet weights.
        source: where those come from.
        pretrained_on: the data they were trained on.
        native_size: side of the photos they were trained on, in pixels.
        min_size: smallest side that the network can take, in pixels.
        load: name of the function that copies weights from a file into the network.
        rewrite: name of the function that makes a faster, still trainable network of the loaded one; "" for none.
    """

    name: str
    factory: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    scaling: Scaling
    feature_size: int
    layer_groups: int
    parameters: int
    licence: str
    source: Download | Packaged
    pretrained_on: str = ONE_K
    native_size: int = 224
    min_size: int = 32
    load: str = "keras:Model.load_weights"
    rewrite: str = ""


_ENTRIES = (
    Backbone(
        name="efficientnetlite0",
        factory="rare_species.backbones.efficientnet_lite:efficientnet_lite0",
        scaling=UNIT_AROUND_127,
        feature_size=1280,
        layer_groups=16,
        parameters=3_413_024,
        licence="Apache-2.0",
        source=Packaged(),
        load="rare_species.backbones.efficientnet_lite:load_checkpoint",
    ),
    Backbone(
        name="efficientnetb0",
        factory="keras.applications:EfficientNetB0",
        scaling=STANDARDISED_TWICE,
        feature_size=1280,
        layer_groups=16,
        parameters=4_049_571,
        licence="Apache-2.0",
        source=Download(
            "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5",
            "50bc09e76180e00e4465e1a485ddc09d",
        ),
    ),
    Backbone(
        name="efficientnetv2b0",
        factory="keras.applications:EfficientNetV2B0",
        arguments=NO_SCALING,
        scaling=STANDARDISED,
        feature_size=1280,
        layer_groups=21,
        parameters=5_919_312,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/efficientnet_v2/efficientnetv2-b0_notop.h5", "893217f2bb855e2983157299931e43ff"),
    ),
    Backbone(
        name="efficientnetv2b3",
        factory="keras.applications:EfficientNetV2B3",
        arguments=NO_SCALING,
        scaling=STANDARDISED,
        feature_size=1536,
        layer_groups=32,
        parameters=12_930_622,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/efficientnet_v2/efficientnetv2-b3_notop.h5", "f6abf7b5849ac99a89b50dd3fd532856"),
        native_size=300,
    ),
    Backbone(
        name="efficientnetv2s",
        factory="keras.applications:EfficientNetV2S",
        arguments=NO_SCALING,
        scaling=UNIT_OF_128,
        feature_size=1280,
        layer_groups=40,
        parameters=20_331_360,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/efficientnet_v2/efficientnetv2-s_notop.h5", "af0682fb74e8c54910f2d4393339c070"),
        native_size=384,
    ),
    Backbone(
        name="mobilenetv2",
        factory="keras.applications:MobileNetV2",
        scaling=UNIT,
        feature_size=1280,
        layer_groups=17,
        parameters=2_257_984,
        licence="Apache-2.0",
        source=Download(f"{PUBLISHED}/mobilenet_v2/mobilenet_v2_{KERNELS}_1.0_224_no_top.h5", ""),
    ),
    Backbone(
        name="mobilenetv3large",
        factory="keras.applications:MobileNetV3Large",
        arguments=NO_SCALING,
        scaling=UNIT,
        feature_size=960,
        layer_groups=15,
        parameters=2_996_352,
        licence="Apache-2.0",
        source=Download(
            f"{PUBLISHED}/mobilenet_v3/weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5",
            "07fb09a5933dd0c8eaafa16978110389",
        ),
    ),
    Backbone(
        name="resnet50",
        factory="keras.applications:ResNet50",
        scaling=CAFFE,
        feature_size=2048,
        layer_groups=16,
        parameters=23_587_712,
        licence="MIT",
        source=Download(f"{PUBLISHED}/resnet/resnet50_{KERNELS}_notop.h5", "4d473c1dd8becc155b73f8504c6f6626"),
    ),
    Backbone(
        name="densenet121",
        factory="keras.applications:DenseNet121",
        scaling=STANDARDISED,
        feature_size=1024,
        layer_groups=58,
        parameters=7_037_504,
        licence="BSD-3-Clause",
        source=Download(f"{PUBLISHED}/densenet/densenet121_{KERNELS}_notop.h5", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    Backbone(
        name="vgg16",
        factory="keras.applications:VGG16",
        scaling=CAFFE,
        feature_size=512,
        layer_groups=5,
        parameters=14_714_688,
        licence="CC-BY-4.0",
        source=Download(f"{PUBLISHED}/vgg16/vgg16_{KERNELS}_notop.h5", "6d6bbae143d832006294945121d1f1fc"),
    ),
    Backbone(
        name="convnexttiny",
        factory="keras.applications:ConvNeXtTiny",
        arguments=NO_SCALING,
        scaling=STANDARDISED,
        feature_size=768,
        layer_groups=18,
        parameters=27_820_128,
        licence="MIT",
        source=Download(
            f"{PUBLISHED}/convnext/convnext_tiny_notop.h5",
            "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        ),
        rewrite=DEPTHWISE,
    ),
    Backbone(
        name="convnextsmall",
        factory="keras.applications:ConvNeXtSmall",
        arguments=NO_SCALING,
        scaling=STANDARDISED,
        feature_size=768,
        layer_groups=36,
        parameters=49_454_688,
        licence="MIT",
        source=Download(
            f"{PUBLISHED}/convnext/convnext_small_notop.h5",
            "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
        ),
        rewrite=DEPTHWISE,
    ),
    Backbone(
        name="convnextbase",
        factory="keras.applications:ConvNeXtBase",
        arguments=NO_SCALING,
        scaling=STANDARDISED,
        feature_size=1024,
        layer_groups=36,
        parameters=87_566_464,
        licence="MIT",
        source=Download(
            f"{PUBLISHED}/convnext/convnext_base_notop.h5",
            "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
        ),
        pretrained_on=TWENTY_ONE_K,
        rewrite=DEPTHWISE,
    ),
    Backbone(
        name="vitbase16",
        factory="rare_species.backbones.vision_transformer:vit_base16",
        scaling=UNIT,
        feature_size=768,
        layer_groups=12,
        parameters=85_798_656,
        licence="Apache-2.0",
        source=Download(
            "https://huggingface.co/keras/vit_base_patch16_224_imagenet/resolve/main/model.weights.h5",
            "",
            "vit_base_patch16_224_imagenet.weights.h5",
        ),
        pretrained_on=TWENTY_ONE_K,
        min_size=16,
        load="rare_species.backbones.vision_transformer:load_vit",
    ),
)

REGISTRY = {entry.name: entry for entry in _ENTRIES}
