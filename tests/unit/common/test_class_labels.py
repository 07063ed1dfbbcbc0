"""rare_species.common.class_labels: class ids are positions, families have names, each its own."""

from pathlib import Path
from typing import Any

import pytest

from rare_species.common.checksums import write_checksums
from rare_species.common.class_labels import Classes, classes_digest, read_classes
from rare_species.common.errors import UserError
from rare_species.common.staged_files import write_json

GOOD = [
    {"class_id": 0, "family": "Felidae", "phylum": "Chordata"},
    {"class_id": 1, "family": "Formicidae", "phylum": ""},
]


def written(folder: Path, entries: object) -> Path:
    write_json(folder / "classes.json", entries)
    write_checksums(folder)
    return folder


def test_classes_come_back(tmp_path: Path) -> None:
    assert read_classes(written(tmp_path, GOOD)) == GOOD
    assert Classes.model_validate(GOOD).model_dump() == GOOD


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        ([], "at least 1 item"),
        (GOOD[::-1], "class_id 1 where 0 belongs"),
        (GOOD[1:], "class_id 1 where 0 belongs"),
        ([GOOD[0], GOOD[1] | {"family": "Felidae"}], "two classes of family 'Felidae'"),
        ([GOOD[0] | {"family": ""}], "0.family: "),
        ([GOOD[0] | {"class_id": "0"}], "0.class_id: "),
        ([GOOD[0] | {"more": 1}], "0.more: "),
        ([{"class_id": 0, "family": "Felidae"}], "0.phylum: Field required"),
        ({"class_id": 0}, "valid array"),
    ],
)
def test_what_are_no_classes_is_named(tmp_path: Path, entries: Any, found: str) -> None:
    with pytest.raises(UserError, match=rf"Expected .*classes\.json to be what its stage writes\. Received: .*{found}"):
        read_classes(written(tmp_path, entries))


def test_other_classes_than_the_stage_wrote_are_refused(tmp_path: Path) -> None:
    written(tmp_path, GOOD)
    write_json(tmp_path / "classes.json", [GOOD[0], GOOD[1] | {"family": "Ranidae"}])
    with pytest.raises(UserError, match=r"classes\.json as its stage wrote it.*Received: other bytes"):
        read_classes(tmp_path)
    (tmp_path / "classes.json").write_bytes(b"\0")
    with pytest.raises(UserError, match=r"classes\.json as its stage wrote it.*Received: other bytes"):
        read_classes(tmp_path)


def test_digest_tells_classes_apart() -> None:
    others = [GOOD[0], GOOD[1] | {"family": "Ranidae"}], [GOOD[0], GOOD[1] | {"phylum": "Arthropoda"}], GOOD[:1]
    assert len({classes_digest(classes) for classes in (GOOD, [dict(entry) for entry in GOOD], *others)}) == 4
