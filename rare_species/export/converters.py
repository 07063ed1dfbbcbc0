"""Write the champion in the formats of other libraries, and run the exported model.

An exported model includes the scaling of its inputs and the calibration of its probabilities.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from rare_species.common.atomic_replace import put_in_place
from rare_species.common.errors import UserError
from rare_species.evaluate.calibration import calibrate
from rare_species.evaluate.champion_file import Classifier
from rare_species.networks.keras_files import load_keras, save_keras
from rare_species.saved_models.network_file import load_network

TOLERANCE = 1e-4  # largest difference of a probability that is accepted: each library rounds in its own way
OUTPUT = "probabilities"
Inputs = Mapping[str, NDArray[np.float32]]  # by name: "rgb" and, for a model conditioned on the phylum, "phylum"
Documents = Mapping[str, Any]  # content of the JSON files in an export, by name without .json


@dataclass(frozen=True)
class Exporter:
    """How to write and run one format.

    Attributes:
        write: writes a model with its JSON files to a path where nothing exists yet; the model must already give
            calibrated probabilities.
        run: runs the exported model at a path on inputs, and returns probabilities of shape (n, n_classes).
    """

    write: Callable[[keras.Model, Documents, Path], None]
    run: Callable[[Path, Inputs], NDArray[np.float32]]


def export_classifier(classifier: Classifier, name: str, out: Path, inputs: Inputs) -> float:
    """Export a champion, and run the export; put it in place only if it agrees with the original.

    Args:
        classifier: the champion.
        name: name of the format, a key of `EXPORTERS`.
        out: file or folder to write; an existing one is replaced.
        inputs: inputs to compare on, see `comparison_photos.photos_to_compare`.

    Returns:
        The largest difference between a probability of the export and that of the original.

    Raises:
        UserError: if that difference is larger than `TOLERANCE`.
    """
    model = load_network(classifier)
    temperature = classifier.calibration.temperature
    expected = calibrate(_run(model, inputs), temperature)
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=out.parent, prefix=".export-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # these libraries warn about how they use one another
        written = Path(folder) / out.name
        EXPORTERS[name].write(with_calibration(model, temperature), describe(classifier), written)
        difference = float(np.abs(EXPORTERS[name].run(written, inputs) - expected).max())
        if not difference <= TOLERANCE:  # true for NaN too
            raise UserError(
                f"Expected the exported {name} to give the probabilities of {classifier.folder} within {TOLERANCE:g}. "
                f"Received: a difference of {difference:.3g}. Nothing was written; choose another --format."
            )
        put_in_place({written: out})
    return difference


def with_calibration(model: keras.Model, temperature: float) -> keras.Model:
    """Add `calibration.calibrate` to the output of a model, in standard operations that every format supports."""
    largest = keras.ops.max(model.output, axis=-1, keepdims=True)  # dividing by it keeps small powers from vanishing
    powers = keras.ops.power(keras.ops.divide(model.output, largest), 1 / temperature)
    probabilities = keras.ops.divide(powers, keras.ops.sum(powers, axis=-1, keepdims=True))
    return keras.Model(model.input, probabilities, name=model.name)


def describe(classifier: Classifier) -> Documents:
    """Describe the network: its classes, the photos it takes, and the probability at which a family is answered.

    Returns:
        Content of the JSON files in the export, by name: "classes" and "champion".
    """
    metadata, calibration = classifier.metadata.model_dump(mode="json"), classifier.calibration
    about = {
        "input": metadata["input"],
        "output": "calibrated probabilities, in the order of classes",
        "family_threshold": calibration.family_threshold,
        "target_precision": calibration.target_precision,
        "backbone": metadata["backbone"],
        "test": metadata["test"],
    }
    return {"classes": classifier.classes, "champion": about}


def _run(model: keras.Model, inputs: Inputs) -> NDArray[np.float32]:
    arrays = [inputs[tensor.name] for tensor in model.inputs]
    return np.asarray(keras.ops.convert_to_numpy(model(arrays if len(arrays) > 1 else arrays[0], training=False)))


def _write_keras(model: keras.Model, json_files: Documents, path: Path) -> None:
    save_keras(path, model)
    _append(path, json_files)


def _run_keras(path: Path, inputs: Inputs) -> NDArray[np.float32]:
    return _run(load_keras(path), inputs)


def _write_saved_model(model: keras.Model, json_files: Documents, path: Path) -> None:
    specs = [
        keras.InputSpec(shape=(None, *tensor.shape[1:]), dtype="float32", name=tensor.name) for tensor in model.inputs
    ]
    archive = keras.export.ExportArchive()  # `model.export` also tracks the model, and so stores all weights twice
    archive.add_endpoint("serve", _with_named_output(model).__call__, [specs if len(specs) > 1 else specs[0]])
    archive.write_out(path, verbose=False)
    extra = path / "assets.extra"  # the folder of a SavedModel for files that TensorFlow itself does not read
    extra.mkdir()
    for name, content in json_files.items():
        (extra / f"{name}.json").write_text(_text(content), encoding="utf-8")


def _run_saved_model(path: Path, inputs: Inputs) -> NDArray[np.float32]:
    loaded = tf.saved_model.load(path)
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    return np.asarray(loaded.signatures["serving_default"](**tensors)[OUTPUT])


def _write_tflite(model: keras.Model, json_files: Documents, path: Path) -> None:
    _with_named_output(model).export(path, format="litert", verbose=False)
    _append(path, json_files)


def _run_tflite(path: Path, inputs: Inputs) -> NDArray[np.float32]:
    runner = tf.lite.Interpreter(str(path)).get_signature_runner()
    photos = range(len(inputs["rgb"]))
    rows = [runner(**{name: array[[photo]] for name, array in inputs.items()})[OUTPUT] for photo in photos]
    return np.concatenate(rows)


def _write_onnx(model: keras.Model, json_files: Documents, path: Path) -> None:
    import onnx

    from rare_species.export import onnx_operations  # noqa: F401 - registers the operations

    _hold_arrays(model)
    named = _with_named_output(model)
    named([tf.zeros((1, *tensor.shape[1:])) for tensor in model.inputs])  # Keras exports only called models
    named.export(path, format="onnx", verbose=False)
    network = onnx.load(path)
    onnx.helper.set_model_props(network, {name: _text(content) for name, content in json_files.items()})
    onnx.save(network, path)


def _run_onnx(path: Path, inputs: Inputs) -> NDArray[np.float32]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (probabilities,) = session.run([OUTPUT], dict(inputs))
    return np.asarray(probabilities)


EXPORTERS: Mapping[str, Exporter] = {
    "keras": Exporter(_write_keras, _run_keras),
    "saved_model": Exporter(_write_saved_model, _run_saved_model),
    "tflite": Exporter(_write_tflite, _run_tflite),
    "onnx": Exporter(_write_onnx, _run_onnx),
}


def _with_named_output(model: keras.Model) -> keras.Model:
    return keras.Model(model.input, {OUTPUT: model.output}, name=model.name)


def _hold_arrays(model: keras.Model) -> None:
    """Turn the tensors that layers hold besides their weights into arrays; tf2onnx would turn them into inputs."""
    for layer in model._flatten_layers():  # Keras has no public way to list all layers
        for name, value in list(vars(layer).items()):
            if isinstance(value, tf.Tensor):
                setattr(layer, name, value.numpy())


def _append(path: Path, json_files: Documents) -> None:
    """Append JSON files as a zip archive: a .keras file is a zip, and readers of .tflite look for one at its end."""
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in json_files.items():
            archive.writestr(zipfile.ZipInfo(f"{name}.json"), _text(content))


def _text(content: Any) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
