"""classes.json: which family, and of which phylum, each class id stands for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, RootModel, model_validator

from rare_species.common.checksums import check_files
from rare_species.common.schema import JsonFile, read_json_file

CLASSES = "classes.json"


class ClassEntry(JsonFile):
    """One class.

    Attributes:
        class_id: its position.
        family: no other class has it.
        phylum: "" where it is not known.
    """

    class_id: Annotated[int, Field(ge=0)]
    family: Annotated[str, Field(min_length=1)]
    phylum: str


class Classes(RootModel[Annotated[list[ClassEntry], Field(min_length=1)]]):
    """All classes, in order of their ids."""

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
    """Read the classes that lie in a folder.

    Returns:
        One mapping of class_id, family and phylum per class; its position is its class_id.

    Raises:
        UserError: when there are none, or they are not as they were written.
    """
    check_files(folder, CLASSES)
    entries: list[dict[str, Any]] = read_json_file(folder / CLASSES, Classes).model_dump()
    return entries


def classes_digest(classes: Sequence[Mapping[str, Any]]) -> str:
    """SHA-256 of classes, by which features know those that their photos had."""
    entries = [[entry["class_id"], entry["family"], entry["phylum"]] for entry in classes]
    return hashlib.sha256(json.dumps(entries).encode()).hexdigest()
