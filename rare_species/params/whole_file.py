"""All sections of params.yaml, and the rules that hold between sections."""

from __future__ import annotations

from rare_species.common.validation import Section
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
    """Refuse parameters that are valid on their own but contradict those of another section.

    Raises:
        ValueError: if they contradict each other; the message says what was expected and what was received.
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


SECTIONS: dict[str, type[Section]] = {
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
