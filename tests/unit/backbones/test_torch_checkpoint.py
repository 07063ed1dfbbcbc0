"""The reader of legacy PyTorch checkpoints, on files written here byte by byte as torch.save did before 1.6."""

import hashlib
import io
import os
import pickle
import struct
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import numpy as np
import pytest

from rare_species.backbones.torch_checkpoint import MAGIC_NUMBER, PROTOCOL_VERSION, read_checkpoint
from rare_species.common.errors import UserError

SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4, "long": 4}}


class FloatStorage:
    pass


class LongStorage:
    pass


class DoubleStorage:
    pass


def _rebuild_tensor_v2(*_args):
    pass


class Storage:
    """A torch storage: its pickle is a persistent id."""

    def __init__(self, key, values, kind=FloatStorage, view=None):
        self.key, self.values, self.kind, self.view = key, values, kind, view


class Tensor:
    """A torch tensor: a view of a storage."""

    def __init__(self, storage, offset, size, stride):
        self.args = (storage, offset, size, stride, False, OrderedDict())

    def __reduce__(self):
        return _rebuild_tensor_v2, self.args


class Call:
    """An object whose pickle calls a function when it is read."""

    def __init__(self, function, *args):
        self.reduced = (function, args)

    def __reduce__(self):
        return self.reduced


class Changed:
    """A tensor that the pickle's BUILD opcode changes after it was made."""

    def __init__(self, tensor, state):
        self.reduced = (*tensor.__reduce__(), state)

    def __reduce__(self):
        return self.reduced


class LegacyPickler(pickle.Pickler):
    def persistent_id(self, obj):
        if isinstance(obj, Storage):
            return ("storage", obj.kind, obj.key, "cpu", len(obj.values), obj.view)
        return None


def fake_torch():
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    torch._utils = utils
    for owner, names in ((torch, (FloatStorage, LongStorage, DoubleStorage)), (utils, (_rebuild_tensor_v2,))):
        for thing in names:
            thing.__module__ = owner.__name__
            setattr(owner, thing.__name__, thing)
    return mock.patch.dict(sys.modules, {"torch": torch, "torch._utils": utils})


def checkpoint(state: Any, storages=(), **parts: Any) -> bytes:
    """Write a checkpoint; ``parts`` replaces the header's objects or the list of keys."""
    stream = io.BytesIO()
    header = {"magic": MAGIC_NUMBER, "protocol": PROTOCOL_VERSION, "system": SYSTEM} | parts
    with fake_torch():
        for value in (header["magic"], header["protocol"], header["system"], state):
            LegacyPickler(stream, protocol=2).dump(value)
        LegacyPickler(stream, protocol=2).dump(header.get("keys", [storage.key for storage in storages]))
    for storage in storages:
        stream.write(struct.pack("<q", len(storage.values)) + storage.values.tobytes())
    return stream.getvalue()


def floats(n):
    return np.arange(n, dtype="<f4") + 0.5


def read(tmp_path: Path, content: bytes, sha256=None):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    return read_checkpoint(path, sha256)


def simple() -> bytes:
    storage = Storage("7", floats(6))
    return checkpoint(OrderedDict(weight=Tensor(storage, 0, (2, 3), (3, 1))), [storage])


def test_reads_names_values_and_types_in_order(tmp_path):
    a, b = Storage("93", floats(6)), Storage("15", np.array([2**40], "<i8"), LongStorage)
    state = OrderedDict([("z.weight", Tensor(a, 0, (2, 3), (3, 1))), ("a.steps", Tensor(b, 0, (), ()))])
    arrays = read(tmp_path, checkpoint(state, [b, a]))
    assert list(arrays) == ["z.weight", "a.steps"]
    np.testing.assert_array_equal(arrays["z.weight"], [[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]])
    assert arrays["z.weight"].dtype == np.float32
    assert arrays["a.steps"].dtype == np.int64
    assert arrays["a.steps"].shape == ()
    assert arrays["a.steps"] == 2**40


def test_offsets_and_strides_become_contiguous_copies(tmp_path):
    storage = Storage("1", floats(12))
    state = {
        "transposed": Tensor(storage, 0, (3, 2), (1, 3)),
        "row": Tensor(storage, 6, (3,), (1,)),
        "every_fourth": Tensor(storage, 2, (3,), (4,)),
        "empty": Tensor(storage, 12, (0, 3), (3, 1)),
        "one_column": Tensor(storage, 1, (2, 1), (5, 2**40)),
    }
    arrays = read(tmp_path, checkpoint(state, [storage]))
    np.testing.assert_array_equal(arrays["transposed"], [[0.5, 3.5], [1.5, 4.5], [2.5, 5.5]])
    np.testing.assert_array_equal(arrays["row"], [6.5, 7.5, 8.5])
    np.testing.assert_array_equal(arrays["every_fourth"], [2.5, 6.5, 10.5])
    np.testing.assert_array_equal(arrays["one_column"], [[1.5], [6.5]])
    assert arrays["empty"].shape == (0, 3)
    assert all(array.flags.c_contiguous and array.flags.owndata and array.flags.writeable for array in arrays.values())


def test_view_of_a_storage_starts_where_it_says(tmp_path):
    whole = Storage("1", floats(10))
    view = Storage("1", whole.values, view=("2", 4, 3))
    arrays = read(tmp_path, checkpoint({"part": Tensor(view, 1, (2,), (1,))}, [whole]))
    np.testing.assert_array_equal(arrays["part"], [5.5, 6.5])


def test_module_versions_of_a_state_dict_are_ignored(tmp_path):
    storage = Storage("1", floats(2))
    state = OrderedDict(weight=Tensor(storage, 0, (2,), (1,)))
    state._metadata = OrderedDict({"": {"version": 1}})
    assert list(read(tmp_path, checkpoint(state, [storage]))) == ["weight"]


def test_pickle_cannot_replace_the_methods_of_the_state_dict(tmp_path):
    storage = Storage("1", floats(2))
    state = Call(OrderedDict)
    state.reduced = (OrderedDict, (), {"items": 5}, None, iter([("weight", Tensor(storage, 0, (2,), (1,)))]))
    assert list(read(tmp_path, checkpoint(state, [storage]))) == ["weight"]


@pytest.mark.parametrize("place", ["magic", "protocol", "system", "keys", "state"])
@pytest.mark.parametrize("function", [os.system, eval, exec, getattr, np.zeros], ids=lambda f: f.__name__)
def test_foreign_function_is_refused_and_not_run(tmp_path, place, function):
    marker = tmp_path / "ran"
    script = {"eval": f"open({str(marker)!r}, 'w')", "exec": f"open({str(marker)!r}, 'w')"}
    call = Call(function, script.get(function.__name__, f"touch {marker}"))
    content = checkpoint({"weight": call}) if place == "state" else checkpoint({}, **{place: call})
    with pytest.raises(UserError, match=f"asks for '.*{function.__name__}'.*refused"):
        read(tmp_path, content)
    assert not marker.exists()


def test_the_malicious_pickle_of_these_tests_would_run(tmp_path):
    marker = tmp_path / "ran"
    pickle.loads(pickle.dumps(Call(os.system, f"touch {marker}")))
    assert marker.exists()


def test_attribute_of_an_allowed_module_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"asks for 'collections\.Counter'"):
        read(tmp_path, checkpoint(b"").replace(pickle.dumps(b"", 2), b"\x80\x02ccollections\nCounter\n."))


@pytest.mark.parametrize("state", [{"offset": -4}, (None, {"offset": -4}), [1, 2]], ids=["dict", "slots", "list"])
def test_pickle_cannot_change_a_checked_tensor(tmp_path, state):
    storage = Storage("1", floats(2))
    changed = Changed(Tensor(storage, 0, (2,), (1,)), state)
    with pytest.raises(UserError, match="damaged"):
        read(tmp_path, checkpoint({"weight": changed}, [storage]))


def test_every_truncation_is_one_clear_error(tmp_path):
    content = simple()
    assert read(tmp_path, content)["weight"].shape == (2, 3)
    for length in range(len(content)):
        with pytest.raises(UserError, match=r"model\.pth"):
            read(tmp_path, content[:length])


@pytest.mark.parametrize(
    ("offset", "size", "stride"),
    [
        (0, (7,), (1,)),
        (4, (3,), (1,)),
        (0, (2, 2), (5, 1)),
        (-1, (2,), (1,)),
        (0, (-2,), (1,)),
        (0, (2,), (-1,)),
        (0, (2, 2), (1,)),
        (0, (10**9,), (0,)),
        (0, (1,) * 70, (0,) * 70),
        (0, (0, 10**30), (1, 1)),
        (True, (2,), (1,)),
        (0, (2.0,), (1,)),
        (0, 2, 1),
    ],
)
def test_tensor_outside_its_storage_is_refused(tmp_path, offset, size, stride):
    storage = Storage("1", floats(6))
    with pytest.raises(UserError):
        read(tmp_path, checkpoint({"weight": Tensor(storage, offset, size, stride)}, [storage]))


@pytest.mark.parametrize("view", [("2", 4, 3), ("2", -1, 2), ("2", 0), 5])
def test_view_outside_its_storage_is_refused(tmp_path, view):
    storage = Storage("1", floats(6), view=view)
    with pytest.raises(UserError):
        read(tmp_path, checkpoint({"weight": Tensor(storage, 0, (1,), (1,))}, [storage]))


@pytest.mark.parametrize(
    ("content", "received"),
    [
        (b"", "cut short or damaged"),
        (b"not a checkpoint at all", "cut short or damaged"),
        (b"PK\x03\x04rest of a zip", "zip archive"),
        (pickle.dumps({"a": 1}), "PyTorch's number"),
        (checkpoint({}, magic=MAGIC_NUMBER + 1), "PyTorch's number"),
        (checkpoint({}, protocol=1002), "PyTorch's number 1001"),
        (checkpoint([1]), "type list"),
        (checkpoint({"epoch": 3}), "'epoch', which is no tensor"),
        (checkpoint({"optimizer": {"lr": 0.1}}), "'optimizer', which is no tensor"),
        (checkpoint({"weight": Tensor("storage", 0, (1,), (1,))}), "without a storage"),
        (checkpoint({}, keys=["1"]), "not that of the tensors"),
        (checkpoint({}, keys=[["1"]]), "not that of the tensors"),
    ],
)
def test_foreign_file_says_what_it_is(tmp_path, content, received):
    with pytest.raises(UserError, match=received):
        read(tmp_path, content)


def test_other_storage_types_are_refused(tmp_path):
    storage = Storage("1", np.zeros(2), DoubleStorage)
    with pytest.raises(UserError, match=r"torch\.DoubleStorage"):
        read(tmp_path, checkpoint({"weight": Tensor(storage, 0, (2,), (1,))}, [storage]))


def test_storages_must_agree_with_their_description(tmp_path):
    storage, longer = Storage("1", floats(2)), Storage("1", floats(3))
    state = {"weight": Tensor(storage, 0, (2,), (1,))}
    with pytest.raises(UserError, match="another element count"):
        read(tmp_path, checkpoint(state, [longer]))
    with pytest.raises(UserError, match="not that of the tensors"):
        read(tmp_path, checkpoint(state, [storage, storage]))
    with pytest.raises(UserError, match="two different descriptions"):
        read(tmp_path, checkpoint(state | {"bias": Tensor(longer, 0, (3,), (1,))}, [storage]))


def test_digest_is_checked_before_anything_is_unpickled(tmp_path):
    content = simple()
    assert read(tmp_path, content, hashlib.sha256(content).hexdigest())["weight"].shape == (2, 3)
    with (
        mock.patch(
            "rare_species.backbones.torch_checkpoint._StateDictUnpickler", side_effect=AssertionError("unpickled")
        ),
        pytest.raises(UserError, match=rf"must have SHA-256 {'0' * 64}. Received: [0-9a-f]{{64}}"),
    ):
        read(tmp_path, content, "0" * 64)


def test_missing_file_and_folder_are_user_errors(tmp_path):
    for path in (tmp_path / "none.pth", tmp_path):
        with pytest.raises(UserError, match="readable PyTorch checkpoint"):
            read_checkpoint(path)
