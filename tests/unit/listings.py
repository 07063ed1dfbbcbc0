"""A metadata.csv as stage unzip reads it, without an archive."""

import pandas as pd

from rare_species.layouts.labels import tabulate_labels
from rare_species.layouts.metadata_table import read_rows


def read_metadata(data: bytes, source: str) -> pd.DataFrame:
    """The listing that a metadata.csv gives.

    Args:
        data: its bytes.
        source: what to call it in a message.
    """
    return tabulate_labels(read_rows(data, source), source, False)
