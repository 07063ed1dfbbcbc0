"""Write and read .keras files; the same model gives the same bytes."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from rare_species.common.errors import UserError

MEMBER_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest time in a zip
SAVED_AT = "1980-01-01@00:00:00"


def save_keras(path: Path, model: keras.Model) -> None:
    """Write a .keras file; the same model gives the same bytes."""
    raw = path.with_name("raw.keras")
    model.save(raw)
    _normalise_archive(raw, path)
    raw.unlink()


def load_keras(path: Path) -> keras.Model:
    """Read a .keras file; Keras imports KerasHub if the file needs it.

    Raises:
        UserError: when KerasHub is needed and can't be imported.
    """
    try:
        return keras.models.load_model(path, compile=False)
    except TypeError as error:
        if "parent module keras_hub" not in str(error):
            raise
        raise UserError(
            f"Expected KerasHub for the network in {path}. Received: it cannot be imported. "
            "Install it with pip install -r requirements-vit.txt."
        ) from error


def _normalise_archive(source: Path, target: Path) -> None:
    """Copy a .keras file without what differs between saves: times, and object ids, which are memory addresses."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as new:
        for name in sorted(old.namelist()):
            data = old.read(name)
            if name == "metadata.json":
                data = json.dumps(json.loads(data) | {"date_saved": SAVED_AT}).encode()
            if name == "config.json":
                data = json.dumps(_renumber(json.loads(data), {})).encode()
            new.writestr(zipfile.ZipInfo(name, MEMBER_TIME), data)


def _renumber(config: Any, seen: dict[int, int]) -> Any:
    """Replace each shared_object_id by the order in which it first appears."""
    if isinstance(config, dict):
        return {
            key: seen.setdefault(value, len(seen)) if key == "shared_object_id" else _renumber(value, seen)
            for key, value in config.items()
        }
    return [_renumber(item, seen) for item in config] if isinstance(config, list) else config
