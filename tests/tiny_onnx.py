"""A network of one layer as an ONNX file: what it takes for animal is what is bright.

The format is Protocol Buffers; the numbers of the fields are those of onnx.proto (ONNX 1.8, opset 13).
"""

from pathlib import Path

FLOAT, INTS = 1, 7


def write_network(path: Path, side_px: int = 320) -> Path:
    """Write a network from (1, 3, side_px, side_px) to (1, 1, side_px, side_px), the mean of the channels."""
    axes = _field(1, "axes") + _field(8, 1) + _field(20, INTS)
    node = _field(1, "photo") + _field(2, "mask") + _field(4, "ReduceMean") + _field(5, axes)
    inner = _field(1, node) + _field(2, "brightness")
    graph = inner + _field(11, _tensor("photo", 3, side_px)) + _field(12, _tensor("mask", 1, side_px))
    path.write_bytes(_field(1, 8) + _field(7, graph) + _field(8, _field(2, 13)))
    return path


def _tensor(name: str, channels: int, side_px: int) -> bytes:
    shape = b"".join(_field(1, _field(1, length)) for length in (1, channels, side_px, side_px))
    return _field(1, name) + _field(2, _field(1, _field(1, FLOAT) + _field(2, shape)))


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + _varint(value >> 7)
