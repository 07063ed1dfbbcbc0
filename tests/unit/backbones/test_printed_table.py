"""rare_species.backbones.printed_table: what a person reads of each backbone."""

import re

from rare_species.backbones.printed_table import registry_table
from rare_species.backbones.registry import REGISTRY


def test_table_has_a_row_for_each_backbone():
    headings, *rows = (re.split(r"\s{2,}", line) for line in registry_table().splitlines())
    assert [row[0] for row in rows] == list(REGISTRY)
    assert {len(row) for row in rows} == {len(headings)}  # no cell is empty
    (row,) = [row for row in rows if row[0] == "vgg16"]
    expected = ("vgg16", "14.7 M", "512", "5", "224 px", "ImageNet-1k", "CC-BY-4.0", "6d6bbae143d832006294945121d1f1fc")
    assert row[:8] == list(expected)
    assert row[8].endswith("/vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5")
