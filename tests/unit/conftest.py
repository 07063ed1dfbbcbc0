"""Fixtures of several packages; what they need is imported when it is asked for, as TensorFlow takes seconds to start.

Property tests have no deadline: on a busy machine an example can take any time.
"""

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")


@pytest.fixture(scope="session")
def photos():
    """Three photos of noise at 32 px, RGB from 0 to 255."""
    return np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)


@pytest.fixture(params=[[], ["GPU:0"]], ids=["cpu", "gpu"])
def devices(request, monkeypatch):
    """Batches are decoded when they are asked for, or ahead of a GPU."""
    import tensorflow as tf

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _kind: request.param)


@pytest.fixture(scope="session")
def data(packed, tmp_path_factory):
    """The packed photos with their features, and those of an augmented copy of each training photo."""
    from tests.unit.candidates import embed

    return embed(tmp_path_factory.mktemp("features"), packed, "efficientnetlite0", copies=1)


@pytest.fixture(scope="session")
def photos_only(packed, tmp_path_factory):
    """The packed photos without features, as model.name cnn learns from them."""
    from tests.unit.candidates import embed

    return embed(tmp_path_factory.mktemp("nothing"), packed, "cnn", copies=1)


@pytest.fixture(scope="session")
def fitted(data, tmp_path_factory):
    """A head, and the folder it is saved in."""
    from tests.unit.candidates import fit, save
    from tests.unit.tf_fixtures import train_params

    candidate = fit(data, train_params(epochs=5))
    folder = tmp_path_factory.mktemp("head")
    save(folder, candidate, data)
    return candidate, folder


@pytest.fixture(scope="session")
def fitted_cnn(photos_only, tmp_path_factory):
    """The baseline network, and the folder it is saved in."""
    from tests.unit.candidates import fit, save
    from tests.unit.tf_fixtures import train_params

    candidate = fit(photos_only, train_params(epochs=1))
    folder = tmp_path_factory.mktemp("cnn")
    save(folder, candidate, photos_only)
    return candidate, folder


@pytest.fixture(scope="session")
def ensemble(data, tmp_path_factory):
    """Two heads, their candidate's folder and the epochs that were followed."""
    from tests.unit.candidates import fit, save
    from tests.unit.tf_fixtures import train_params

    epochs = []
    parameters = train_params(epochs=3).model_copy(update={"members": 2})
    candidate = fit(data, parameters, lambda epoch, _: epochs.append(epoch))
    folder = tmp_path_factory.mktemp("ensemble")
    save(folder, candidate, data)
    return candidate, folder, epochs


@pytest.fixture(scope="session")
def conditioned(data, tmp_path_factory):
    """Features that end in the phylum, as stage embed leaves them."""
    from tests.unit.candidates import PHYLA, tell

    return tell(data, tmp_path_factory.mktemp("conditioned"), PHYLA)


@pytest.fixture(scope="session")
def fitted_conditioned(conditioned, tmp_path_factory):
    """The folder of two heads that are conditioned on the phylum."""
    from tests.unit.candidates import fit, save
    from tests.unit.tf_fixtures import train_params

    parameters = train_params(epochs=5).model_copy(update={"members": 2})
    folder = tmp_path_factory.mktemp("conditioned")
    save(folder, fit(conditioned, parameters), conditioned)
    return folder


@pytest.fixture(scope="session")
def tuned(data, tmp_path_factory):
    """Two networks fine-tuned whole, their folder, and the epochs that were followed."""
    from tests.unit.candidates import fit, save
    from tests.unit.tf_fixtures import train_params

    epochs = []
    parameters = train_params(epochs=2, fine_tune={"epochs": 1, "learning_rate": 0.02}).model_copy(
        update={"members": 2}
    )
    candidate = fit(data, parameters, lambda epoch, _: epochs.append(epoch))
    folder = tmp_path_factory.mktemp("tuned")
    save(folder, candidate, data)
    return candidate, folder, epochs
