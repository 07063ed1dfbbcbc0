"""Fit the members of stage train: a head on features, a fine-tuned backbone, or the baseline."""

from __future__ import annotations

from pathlib import Path

import keras

from rare_species.common.errors import UserError
from rare_species.data.dataset import Data
from rare_species.fitting.callbacks import DivergedError, Fit, OnEpoch
from rare_species.fitting.fitted_classifier import FittedClassifier, load_backbone, load_trainable_backbone
from rare_species.fitting.resume_key import fit_key
from rare_species.fitting.training_loop import fit_head
from rare_species.params.train import TrainParams
from rare_species.train.fit_on_photos import PhotoTask, dtype_policy, fine_tune, fit_cnn


def fit_members(data: Data, params: TrainParams, on_epoch: OnEpoch, checkpoints: Path) -> FittedClassifier:
    """Fit `train.members` classifiers that differ only in their seeds.

    Several form a deep ensemble (Lakshminarayanan et al., 2017, "Simple and Scalable Predictive Uncertainty
    Estimation").

    Args:
        data: features of a frozen backbone, and photos for networks that learn from them.
        params: section `train`.
        on_epoch: called after each epoch of the first member with its number, from 0, and its metrics.
        checkpoints: folder for checkpoints of fits to photos; a killed fit continues from there.

    Raises:
        UserError: when train.fine_tune.layer_groups exceeds the backbone's, or the loss becomes NaN or infinite.
    """
    _check_layer_groups(data, params)
    seeds = range(params.seed, params.seed + params.members)
    followers = [on_epoch] + [_ignore_epoch] * (params.members - 1)
    try:
        fitted = [_fit_member(data, params, *given, checkpoints) for given in zip(seeds, followers, strict=True)]
    except DivergedError as error:
        raise UserError(
            f"Expected a finite loss. Received: {error}. Lower train.{error.parameter}, for instance "
            f"with dvc exp run -S train.{error.parameter}=0.0001"
        ) from error
    members, fits = zip(*fitted, strict=True)
    from_features = data.has_features and not params.fine_tune.epochs
    return FittedClassifier(load_backbone(data) if from_features else None, members, fits[0])


def _fit_member(
    data: Data, params: TrainParams, seed: int, on_epoch: OnEpoch, checkpoints: Path
) -> tuple[keras.Model, Fit]:
    if not data.has_features:
        return fit_cnn(_photo_task(data, params, seed, on_epoch, checkpoints))
    head, fit = fit_head(data.fitted, len(data.classes), params, seed, on_epoch)
    if not params.fine_tune.epochs:
        return head, fit
    return fine_tune(_photo_task(data, params, seed, on_epoch, checkpoints), load_trainable_backbone(data), head, fit)


def _photo_task(data: Data, params: TrainParams, seed: int, on_epoch: OnEpoch, checkpoints: Path) -> PhotoTask:
    """Describe a fit to photos; its checkpoint is named after the hash of everything that the fit depends on."""
    key = fit_key("train", data, params.model_dump_json(), str(seed), dtype_policy(params.fine_tune))
    file = checkpoints / f"{key}.npz"
    return PhotoTask(data.packed, len(data.classes), params, seed, on_epoch, file)


def _check_layer_groups(data: Data, params: TrainParams) -> None:
    tune, there_are = params.fine_tune, data.description.layer_groups
    if tune.epochs and tune.layer_groups != "all" and int(tune.layer_groups) > there_are:
        raise UserError(
            f"Expected train.fine_tune.layer_groups of at most {there_are} for {data.description.name}. "
            f"Received: {tune.layer_groups}. To train all its layers: dvc exp run -S train.fine_tune.layer_groups=all"
        )


def _ignore_epoch(_epoch: int, _scores: dict[str, float]) -> None:
    """Ignore the epochs of all members but the first."""
