"""The registry as a table for people."""

from __future__ import annotations

from tabulate import tabulate

from rare_species.backbones.registry import REGISTRY, Backbone


def registry_table() -> str:
    """The registry, one line per backbone below a line of headings; columns are two or more spaces apart."""
    # numbers are text too: tabulate would align and round them
    rows = map(_row, REGISTRY.values())
    return str(tabulate(rows, headers="keys", tablefmt="plain", disable_numparse=True))


def _row(entry: Backbone) -> dict[str, str | int]:
    return {
        "name": entry.name,
        "parameters": f"{entry.parameters / 1e6:.1f} M",
        "features": entry.feature_size,
        "layer groups": entry.layer_groups,
        "trained at": f"{entry.native_size} px",
        "trained on": entry.pretrained_on,
        "licence": entry.licence,
        "digest": entry.source.digest or "not published",
        "weights": entry.source.url,
    }
