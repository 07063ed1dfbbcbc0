"""Reads PyTorch checkpoints in the format from before 1.6, without PyTorch and without trusting the file.

A plain `pickle.load` runs whatever the file asks for. Here the unpickler knows four names, enough for a state dict of
float32 and int64 tensors, and refuses every other.

The layout (`_legacy_save` in pytorch/torch/serialization.py): five pickles (magic number, protocol version, system
information, state dict, storage keys), then for each key an int64 element count and the raw values, little-endian.
A tensor in the state dict is a view (offset, size, stride) of a storage that comes later in the file.
"""

import hashlib
import io
import math
import pickle
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rare_species.common.errors import UserError

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
STORAGE_DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}

# What a damaged or hostile pickle raises in the unpickler; the pickle documentation leaves the list open.
_UNPICKLING_ERRORS = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    ImportError,
    LookupError,
    MemoryError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
)


class _FormatError(Exception):
    """What is wrong with the file, in half a sentence; `read_checkpoint` makes it a UserError."""


# Named tuples, because the pickle's BUILD opcode can change a dataclass, a frozen one too, after it was checked.
class _Storage(NamedTuple):
    """A run of `numel` values, starting `start` values into the storage named `key`."""

    key: str
    dtype: str
    start: int
    numel: int


class _Tensor(NamedTuple):
    """A strided view of a storage; offset, size and stride count values, not bytes."""

    storage: _Storage
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]


class _OrderedDict(dict[Any, Any]):
    """Stand-in for collections.OrderedDict, which would let the pickle replace its methods, `items` say."""

    def __setstate__(self, state: Any) -> None:
        """Drop the attributes; a state dict's `_metadata` holds module versions only."""


def read_checkpoint(path: Path, sha256: str | None = None) -> dict[str, np.ndarray]:
    """Read a state dict saved by PyTorch before 1.6 (or with `_use_new_zipfile_serialization=False`).

    Args:
        path: the checkpoint (`.pth`).
        sha256: hex digest the file must have, checked before anything is unpickled; None to skip the check.

    Returns:
        Name to C-contiguous float32 or int64 array, in the order of the file; every array owns its memory.

    Raises:
        UserError: if the file cannot be read, has another digest, is cut short or damaged, is not a legacy
            checkpoint, or names anything beyond a plain state dict.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"Expected a readable PyTorch checkpoint. Received: {path} ({error.strerror}).") from error
    if sha256 is not None:
        _check_digest(path, content, sha256)
    try:
        return _parse(content)
    except _FormatError as error:
        raise UserError(
            f"{path} must be a state dict of float32 and int64 tensors in PyTorch's format from before 1.6. "
            f"Received: {error}. Fetch the file again, or save it with "
            "torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)."
        ) from error


def _check_digest(path: Path, content: bytes, sha256: str) -> None:
    """Raise UserError unless the content has the digest."""
    received = hashlib.sha256(content).hexdigest()
    if received != sha256:
        raise UserError(
            f"{path} must have SHA-256 {sha256}. Received: {received} ({len(content):,} bytes). "
            "The file is damaged, or of another model: fetch it again, or set model.name to the model it belongs to."
        )


def _parse(content: bytes) -> dict[str, np.ndarray]:
    """Unpickle the header and the state dict, then cut the arrays out of the storages behind them."""
    stream = io.BytesIO(content)
    _check_header(content, stream)
    unpickler = _StateDictUnpickler(stream)
    tensors = _checked_state_dict(unpickler.read("the state dict"))
    keys = _StateDictUnpickler(stream).read("the storage keys")
    buffers = _read_storages(stream, keys, unpickler.storages)
    return {name: _materialise(name, tensor, buffers) for name, tensor in tensors.items()}


def _check_header(content: bytes, stream: io.BytesIO) -> None:
    """Read the first three pickles; the third (endianness and type sizes) says nothing about the data."""
    if content.startswith(b"PK\x03\x04"):
        raise _FormatError("a zip archive, the format of PyTorch 1.6 and later")
    for expected in (MAGIC_NUMBER, PROTOCOL_VERSION):
        received = _StateDictUnpickler(stream).read("the header")
        if type(received) is not int or received != expected:
            raise _FormatError(f"a header without PyTorch's number {expected}")
    _StateDictUnpickler(stream).read("the system information")


class _StateDictUnpickler(pickle.Unpickler):
    """Unpickler that knows a state dict's four names and refuses every other one."""

    def __init__(self, stream: io.BytesIO) -> None:
        super().__init__(stream, encoding="utf-8")
        self.storages: dict[str, _Storage] = {}

    def read(self, what: str) -> Any:
        """Unpickle the next object; `what` names it in the error."""
        try:
            return self.load()
        except _UNPICKLING_ERRORS as error:
            raise _FormatError(f"{what} cut short or damaged ({type(error).__name__})") from error

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        """Resolve one of the four allowed names, to something the pickle cannot change."""
        name = f"{module_name}.{global_name}"
        if name == "collections.OrderedDict":
            return _OrderedDict
        if name == "torch._utils._rebuild_tensor_v2":
            return self._rebuild_tensor
        if module_name == "torch" and global_name in STORAGE_DTYPES:
            return STORAGE_DTYPES[global_name]
        raise _FormatError(f"a pickle that asks for {name!r}, which a state dict does not need (refused, not run)")

    def persistent_load(self, pid: Any) -> _Storage:
        """Note a storage: ('storage', type, key, device, numel, None or (view key, offset, view numel))."""
        match pid:
            case ("storage", str(dtype), str(key), str(), numel, view) if dtype in STORAGE_DTYPES.values():
                whole = _Storage(key, dtype, start=0, numel=_checked_count(numel))
            case _:
                raise _FormatError("a reference to an unknown kind of storage")
        if self.storages.setdefault(key, whole) != whole:
            raise _FormatError(f"two different descriptions of storage {key!r}")
        return whole if view is None else _view_of(whole, view)

    def _rebuild_tensor(self, storage: Any, offset: Any, size: Any, stride: Any, *_autograd: Any) -> _Tensor:
        """Stand in for torch._utils._rebuild_tensor_v2; what follows the stride concerns gradients only."""
        if not isinstance(storage, _Storage) or len(size) != len(stride):
            raise _FormatError("a tensor without a storage, or with a size and a stride of different lengths")
        return _Tensor(
            storage,
            _checked_count(offset),
            tuple(_checked_count(length) for length in size),
            tuple(_checked_count(step) for step in stride),
        )


def _checked_count(value: Any) -> int:
    """Return a number from the file if it is an int, 0 or more (and not a bool)."""
    if type(value) is not int or value < 0:
        raise _FormatError(f"{value!r} where a whole number, 0 or more, belongs")
    return value


def _view_of(whole: _Storage, view: Any) -> _Storage:
    """Narrow a storage to the view that a persistent id describes."""
    _, start, numel = view
    if _checked_count(start) + _checked_count(numel) > whole.numel:
        raise _FormatError(f"a view that leaves storage {whole.key!r}")
    return _Storage(whole.key, whole.dtype, start, numel)


def _checked_state_dict(state: Any) -> dict[str, _Tensor]:
    """Return the state dict if it maps names to tensors and holds nothing else."""
    if not isinstance(state, dict):  # a plain dict or an _OrderedDict
        raise _FormatError(f"an object of type {type(state).__name__} in place of a state dict")
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, _Tensor):
            raise _FormatError(f"the entry {name!r}, which is no tensor ({type(value).__name__})")
    return state


def _read_storages(stream: io.BytesIO, keys: Any, storages: dict[str, _Storage]) -> dict[str, np.ndarray]:
    """Read each storage's element count and values, in the order of the keys.

    Returns:
        Key to a read-only array of shape (numel,), over the bytes of the file.
    """
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or sorted(keys) != sorted(storages):
        raise _FormatError("a list of storages that is not that of the tensors")
    buffers = {}
    for key in keys:
        dtype, numel = np.dtype(storages[key].dtype), storages[key].numel
        if int.from_bytes(stream.read(8), "little", signed=True) != numel:
            raise _FormatError(f"another element count for storage {key!r} than its {numel:,}, or a file cut short")
        data = stream.read(numel * dtype.itemsize)
        if len(data) != numel * dtype.itemsize:
            raise _FormatError(f"a file cut short in storage {key!r}")
        buffers[key] = np.frombuffer(data, dtype)
    return buffers


def _materialise(name: str, tensor: _Tensor, buffers: dict[str, np.ndarray]) -> np.ndarray:
    """Copy a strided view out of its storage, in C order.

    A view must stay inside its storage, and may not hold more values than it: stride 0 could ask for terabytes.
    """
    storage = tensor.storage
    values = buffers[storage.key][storage.start : storage.start + storage.numel]
    last = tensor.offset + sum((size - 1) * stride for size, stride in zip(tensor.size, tensor.stride, strict=True))
    count = math.prod(tensor.size)
    if count > storage.numel or (count > 0 and last >= storage.numel):
        raise _FormatError(f"the tensor {name!r}, which reaches beyond its storage")
    byte_strides = [stride * values.itemsize for stride in tensor.stride]
    try:
        view = np.lib.stride_tricks.as_strided(values[tensor.offset :], tensor.size, byte_strides, writeable=False)
    except (OverflowError, ValueError) as error:
        raise _FormatError(f"the tensor {name!r} of an impossible shape") from error
    return np.array(view, order="C")
