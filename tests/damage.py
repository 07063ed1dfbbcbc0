"""What can befall a file between the command that wrote it and the one that reads it."""

import csv
import io
import json
import struct
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import numpy as np

Place = tuple[Any, ...]  # keys and positions that lead to a value of a JSON document


def list_damages(data: bytes, kind: str) -> dict[str, bytes]:
    """Damage a file in every way that its kind allows.

    Args:
        data: the file, whole.
        kind: its suffix: ".json", ".csv" or ".npz"; what is listed for any other is done to bytes alone.

    Returns:
        What each damage leaves, by what it is called; never the bytes that were given.
    """
    middle = len(data) // 2
    damages = {
        "a bit flipped": data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :],
        "cut in half": data[:middle],
        "empty": b"",
        "other text": b"<html>404 Not Found</html>\n",
        "zeros": bytes(len(data)),
        "a tail more": data + data[: len(data) // 2 + 1],
    }
    by_kind: dict[str, Callable[[bytes], Iterator[tuple[str, bytes]]]] = {
        ".json": _json_damages,
        ".csv": _csv_damages,
        ".npz": _npz_damages,
    }
    if kind in by_kind:
        damages |= dict(by_kind[kind](data))
    return {name: damaged for name, damaged in damages.items() if damaged != data}


def _json_damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    document = json.loads(data)
    for key in _fields(document):
        without = deepcopy(document)
        del _fields(without)[key]
        yield f"{key} missing", _dump(without)
    extra = deepcopy(document)
    _fields(extra)["unknown"] = 1
    yield "a field more", _dump(extra)
    if isinstance(document, list):
        yield "one entry short", _dump(document[:-1])
        yield "two entries swapped", _dump([*document[1:], *document[:1]])
    yield "another kind of document", _dump([document])
    for place in _ends(list(_leaves(document, ()))):
        name = ".".join(map(str, place))
        value = _at(document, place)
        yield f"{name} of another type", _dump(_with(document, place, [value] if isinstance(value, str) else "one"))
        yield f"{name} null", _dump(_with(document, place, None))
    for place in _ends([place for place in _leaves(document, ()) if _is_number(_at(document, place))]):
        name = ".".join(map(str, place))
        yield f"{name} NaN", _dump(_with(document, place, float("nan")))
        yield f"{name} infinite", _dump(_with(document, place, float("inf")))
        yield f"{name} another number", _dump(_with(document, place, _at(document, place) + 1))


def _csv_damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    header, *rows = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    yield "a column more", _dump_csv([*header, "unknown"], [[*row, "1"] for row in rows])
    yield "no header", _dump_csv(rows[0], rows[1:]) if rows else b"\n"
    for number, column in enumerate(header):
        yield f"{column} missing", _dump_csv(_less(header, number), [_less(row, number) for row in rows])
    if not rows:
        return
    yield "one row short", _dump_csv(header, rows[:-1])
    yield "a row twice", _dump_csv(header, [*rows, rows[0]])
    yield "half the rows", _dump_csv(header, rows[: len(rows) // 2])
    for number, column in enumerate(header):
        for value in ("nan", "other", ""):
            changed = [*rows[:-1], [*rows[-1][:number], value, *rows[-1][number + 1 :]]]
            yield f"{column} {value or 'empty'}", _dump_csv(header, changed)


def _npz_damages(data: bytes) -> Iterator[tuple[str, bytes]]:
    with np.load(io.BytesIO(data)) as file:
        arrays = dict(file)
    for name, array in arrays.items():
        yield f"{name} missing", _dump_npz({other: kept for other, kept in arrays.items() if other != name})
        yield (
            f"{name} of another type",
            _dump_npz(arrays | {name: np.full(array.shape, "x" if array.dtype.kind != "U" else 1)}),
        )
        yield f"{name} in another shape", _dump_npz(arrays | {name: array[None]})
        if array.ndim and len(array) > 1:
            yield f"{name} shorter", _dump_npz(arrays | {name: array[:-1]})
            yield f"{name} in another order", _dump_npz(arrays | {name: np.roll(array, 1, axis=0)})
        if array.dtype.kind == "f" and array.size:
            yield (
                f"{name} NaN",
                _dump_npz(arrays | {name: np.where(np.arange(array.size).reshape(array.shape), array, np.nan)}),
            )
    yield "an array more", _dump_npz(arrays | {"unknown": np.zeros(2)})
    yield "an array of objects", _dump_npz({name: np.array([{}], dtype=object) for name in arrays})
    yield "its central directory cut", data[: data.rfind(b"PK\x01\x02")]
    yield "another checksum", _with_checksum(data)


def _with_checksum(data: bytes) -> bytes:
    """A zip whose directory gives its last member another CRC-32."""
    start = data.rfind(b"PK\x01\x02") + 16
    (checksum,) = struct.unpack("<I", data[start : start + 4])
    return data[:start] + struct.pack("<I", checksum ^ 1) + data[start + 4 :]


def _fields(document: Any) -> dict[str, Any]:
    """Of a mapping, or of the first one in a list."""
    first = document[0] if isinstance(document, list) and document else document
    return first if isinstance(first, dict) else {}


def _leaves(value: Any, place: Place) -> Iterator[Place]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not isinstance(value, dict | list):
        yield place
    for key, child in children:
        yield from _leaves(child, (*place, key))


def _ends(places: list[Place]) -> list[Place]:
    """The first, the middle one and the last."""
    return list(dict.fromkeys(places[number] for number in (0, len(places) // 2, -1))) if places else []


def _at(document: Any, place: Place) -> Any:
    for key in place:
        document = document[key]
    return document


def _with(document: Any, place: Place, value: Any) -> Any:
    if not place:
        return value
    changed = deepcopy(document)
    _at(changed, place[:-1])[place[-1]] = value
    return changed


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _less(row: list[str], number: int) -> list[str]:
    return [*row[:number], *row[number + 1 :]]


def _dump(document: Any) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode()


def _dump_csv(header: list[str], rows: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return text.getvalue().encode()


def _dump_npz(arrays: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
