"""rare_species.common.validated_json: a document of another form is one message: file, place, value."""

import json
from pathlib import Path
from typing import Any

import pydantic
import pytest

from rare_species.common.errors import UserError
from rare_species.common.validated_json import JsonFile, parse_json_file, read_json_file
from tests.damage import list_damages


class Inner(JsonFile):
    share: float


class Outer(JsonFile):
    name: str
    count: int
    inner: Inner


class Numbers(pydantic.RootModel[list[int]]):
    """Not a mapping."""


@pydantic.dataclasses.dataclass(frozen=True)
class Plain:
    side: int


GOOD: dict[str, Any] = {"name": "Größe", "count": 2, "inner": {"share": 0.5}}


def write(path: Path, document: object) -> Path:
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_a_good_document_comes_as_its_model(tmp_path: Path) -> None:
    assert read_json_file(write(tmp_path / "a.json", GOOD), Outer).model_dump() == GOOD
    assert read_json_file(write(tmp_path / "b.json", [1, 2]), Numbers).root == [1, 2]
    assert read_json_file(write(tmp_path / "c.json", {"side": 3}), Plain).side == 3


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"count": "2"}, r"count: .*valid integer \('2'\)"),
        ({"count": 2.5}, r"count: .*\(2\.5\)"),
        ({"count": True}, r"count: .*\(True\)"),
        ({"inner": {"share": float("nan")}}, r"inner\.share: .*finite number \(nan\)"),
        ({"inner": {"share": float("inf")}}, r"inner\.share: .*finite number \(inf\)"),
        ({"inner": {}}, r"inner\.share: Field required"),
        ({"more": 1}, r"more: Extra inputs are not permitted \(1\)"),
        ({"name": None}, r"name: .*\(None\)"),
        ({"count": list(range(99))}, r"count: .*\(\[0, 1, .*…\)"),
    ],
)
def test_the_first_wrong_value_is_named(tmp_path: Path, change: dict[str, Any], found: str) -> None:
    path = write(tmp_path / "a.json", GOOD | change)
    with pytest.raises(UserError, match=rf"Expected .*a\.json to be what its stage writes\. Received: {found}\. .*dvc"):
        read_json_file(path, Outer)


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b"nonsense", b'{"name": "a"'])
def test_what_is_no_json_is_one_message(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(UserError, match=r"Expected .*a\.json to be what its stage writes\. Received: "):
        read_json_file(tmp_path / "a.json", Outer)


def test_a_missing_document_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Expected .*gone\.json\. Received: no such file\. .*dvc repro"):
        read_json_file(tmp_path / "gone.json", Outer)


def test_bytes_are_read_under_any_name() -> None:
    with pytest.raises(UserError, match=r"Expected a.json at HEAD to be .* Look elsewhere\."):
        parse_json_file(b"", Outer, "a.json at HEAD", "Look elsewhere.")


def test_damage_to_the_structure_is_always_seen() -> None:
    data = json.dumps(GOOD, indent=2).encode()
    unseen = []
    for name, damaged in list_damages(data, ".json").items():
        try:
            parse_json_file(damaged, Outer, "a.json", "")
            unseen.append(name)
        except UserError:
            pass
    assert set(unseen) <= {"a bit flipped", "count another number", "inner.share another number"}  # for the checksum
