"""classes.json: the family and the phylum of each class id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel, model_validator

from rare_species.common.checksums import check_files
from rare_species.common.validated_json import JsonFile, read_json_file

CLASSES = "classes.json"


class ClassEntry(JsonFile):
    """One class.

    Attributes:
        class_id: position of the class in the file.
        family: name of the family; no other class has the same.
        phylum: name of the phylum, "" when it is unknown.
    """

    class_id: Annotated[int, Field(ge=0)]
    family: Annotated[str, Field(min_length=1)]
    phylum: str


class Classes(RootModel[Annotated[list[ClassEntry], Field(min_length=1)]]):
    """All classes, ordered by class id."""

    model_config = ConfigDict(frozen=True, strict=True)

    @model_validator(mode="after")
    def _check(self) -> Classes:
        for position, entry in enumerate(self.root):
            if entry.class_id != position:
                raise ValueError(f"class_id {entry.class_id} where {position} belongs")
        families = [entry.family for entry in self.root]
        repeated = [family for family in families if families.count(family) > 1]
        if repeated:
            raise ValueError(f"two classes of family {repeated[0]!r}")
        return self


def read_classes(folder: Path) -> list[dict[str, Any]]:
    """Read classes.json from a folder.

    Returns:
        One mapping with class_id, family and phylum per class, ordered by class id.

    Raises:
        UserError: when the file is missing or changed since its stage wrote it.
    """
    check_files(folder, CLASSES)
    entries: list[dict[str, Any]] = read_json_file(folder / CLASSES, Classes).model_dump()
    return entries


def classes_digest(classes: Sequence[Mapping[str, Any]]) -> str:
    """Return the SHA-256 of the classes; backbone.json records it, so that features can't meet other classes."""
    entries = [[entry["class_id"], entry["family"], entry["phylum"]] for entry in classes]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
