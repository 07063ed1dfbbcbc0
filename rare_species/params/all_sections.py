"""All sections of params.yaml, and checks across sections."""

from __future__ import annotations

from collections.abc import Mapping

from rare_species.common.validated_types import Parameters
from rare_species.params.clean import CleanParams
from rare_species.params.compare import CompareParams
from rare_species.params.embed import EmbedParams
from rare_species.params.evaluate import EvaluateParams
from rare_species.params.model import ModelParams
from rare_species.params.preprocess import PreprocessParams
from rare_species.params.split import SplitParams
from rare_species.params.train import TrainParams
from rare_species.params.tune import TuneParams
from rare_species.params.unzip import UnzipParams


def check_together(model: ModelParams, train: TrainParams) -> None:
    """Refuse parameters that clash with those of another section.

    Raises:
        ValueError: when they do; the message says what was expected and what was received.
    """
    tune = train.fine_tune
    if model.name == "cnn" and (tune.epochs or not train.epochs):
        raise ValueError(
            "train.epochs must be above 0 and train.fine_tune.epochs 0 with model.name=cnn, which has no backbone. "
            f"Received: {train.epochs} and {tune.epochs}"
        )
    if "phylum" in model.inputs and tune.epochs:
        raise ValueError(
            "train.fine_tune.epochs must be 0 with model.inputs=[image, phylum], as a backbone is fine-tuned from "
            f"photos alone. Received: {tune.epochs}"
        )


# Names of parameters before version 0.2.0, and what they are called now
RENAMED: Mapping[str, str] = {
    "unzip.join_labels": "unzip.merge_spellings",
    "unzip.names": "unzip.name_encoding",
    "embed.views": "embed.augmented_copies",
    "train.fine_tune.blocks": "train.fine_tune.layer_groups",
    "evaluate.wanted_precision": "evaluate.target_precision",
    "evaluate.views": "evaluate.test_time_copies",
    "compare.macro_f1.floor": "compare.macro_f1.tolerance",
    "compare.accuracy.floor": "compare.accuracy.tolerance",
    "compare.top_k_accuracy.floor": "compare.top_k_accuracy.tolerance",
    "compare.loss.floor": "compare.loss.tolerance",
}
SECTIONS: dict[str, type[Parameters]] = {
    "unzip": UnzipParams,
    "clean": CleanParams,
    "split": SplitParams,
    "preprocess": PreprocessParams,
    "model": ModelParams,
    "embed": EmbedParams,
    "train": TrainParams,
    "tune": TuneParams,
    "evaluate": EvaluateParams,
    "compare": CompareParams,
}
