"""Fixtures of several rooms; what they need is imported when it is asked for, as TensorFlow takes seconds to start.

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
