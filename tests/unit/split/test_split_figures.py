"""rare_species.split.figures: every family with its photos in each split."""

import pandas as pd
import pytest

from rare_species.figures import bars
from rare_species.split import figures as split_figures
from tests.unit.plots import files, record_calls


@pytest.fixture
def drawn(monkeypatch):
    """Calls of figure functions, by their names."""
    return record_calls(monkeypatch, split_figures, bars.family_counts)


def test_split_draws_every_family_with_all_three_splits(drawn, tmp_path):
    photos = pd.DataFrame({"family": ["a", "a", "b"], "split": ["train", "val", "train"]})
    split_figures.draw_split(photos, tmp_path)
    assert files(tmp_path) == ["families.png"]
    ((counts, _),) = drawn["family_counts"]
    assert counts.to_dict("list") == {"train": [1, 1], "val": [1, 0], "test": [0, 0]}
