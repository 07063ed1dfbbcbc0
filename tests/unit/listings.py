"""A metadata.csv as stage unzip reads it, without an archive."""

import pandas as pd

from rare_species.layouts.parse_metadata_csv import read_rows
from rare_species.layouts.tabulate_labels import tabulate_labels


def read_metadata(data: bytes, source: str) -> pd.DataFrame:
    """The listing that a metadata.csv gives.

    Args:
        data: its bytes.
        source: what to call it in a message.
    """
    return tabulate_labels(read_rows(data, source), source, False)
