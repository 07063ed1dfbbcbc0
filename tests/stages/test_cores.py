"""Stage train on one core and on several: the same classifier to the last bit."""

import os
import shutil
from contextlib import contextmanager

import pytest

from tests import toy


@contextmanager
def only_on(cores):
    """What starts in here may use these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2, reason="there is one core only"
)
def test_head_is_the_same_on_one_core_and_on_two(embedded, tmp_path):
    toy.write_params(embedded, {"train.head.units": [512]})  # of 1280 features: sums that are worth sharing out
    cores = sorted(os.sched_getaffinity(0))
    found = []
    for some in (cores[:1], cores[:2]):
        with only_on(some):
            assert toy.run_apart("train", tmp_path / "log.txt") == 0
        found.append(toy.snapshot(embedded / "models/train") | toy.snapshot(embedded / "metrics"))
        shutil.rmtree(embedded / "models/train")
    assert found[0] == found[1]
