"""rare_species.data.npz: what the machine refuses is not called damage, and the file stays as it is."""

import errno

import numpy as np
import pytest

from rare_species.common.errors import UserError
from rare_species.data.features import Features, load_features, save_features
from rare_species.fitting import callbacks

MACHINE = [MemoryError(), OSError(errno.EIO, "Input/output error"), PermissionError(errno.EACCES, "Permission denied")]


@pytest.fixture
def checkpoint(tmp_path):
    """Whole, of six numbers."""
    file, arrays = tmp_path / "state.npz", {"state0": np.arange(6.0), "rows": np.array("[{}]")}
    np.savez(file, sha256=callbacks._state_digest(file.name, arrays), **arrays)
    return file


@pytest.fixture
def features(tmp_path):
    """Whole, of one photo."""
    file = tmp_path / "train.npz"
    save_features(file, Features(np.array(["a.jpg"]), np.zeros(1, np.int64), np.zeros((1, 4), np.float32), 1))
    return file


def claim_much(file, shape, claimed):
    """Let an array's header ask for 80 TB."""
    data, before = file.read_bytes(), f"{shape}, }}".encode()
    after = f"{claimed}, }}".encode()
    assert data.count(before + b" " * 20) == 1
    file.write_bytes(data.replace(before.ljust(len(after)), after))


@pytest.mark.parametrize("error", MACHINE, ids=repr)
def test_a_checkpoint_that_the_machine_does_not_give_is_not_set_aside(checkpoint, monkeypatch, error):
    def refuse(_):
        raise error

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(type(error)):
        callbacks._read_state(checkpoint)
    assert checkpoint.exists()


def test_a_checkpoint_that_claims_more_than_it_holds_is_damaged(checkpoint):
    claim_much(checkpoint, "(6,)", (10**13,))
    assert callbacks._read_state(checkpoint) == {}
    assert not checkpoint.exists()


@pytest.mark.parametrize("error", MACHINE, ids=repr)
def test_features_that_the_machine_does_not_give_are_not_called_damaged(features, monkeypatch, error):
    def refuse(_):
        raise error

    monkeypatch.setattr(np, "load", refuse)
    with pytest.raises(type(error)):
        load_features(features.parent, "train")


def test_features_that_claim_more_than_they_hold_are_damaged(features):
    claim_much(features, "(1, 4)", (10**13, 4))
    with pytest.raises(UserError, match="to hold features as stage embed writes them"):
        load_features(features.parent, "train")
