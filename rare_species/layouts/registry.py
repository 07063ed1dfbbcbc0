"""The input layouts: every file of this package that has a `LAYOUT` is one of them."""

from __future__ import annotations

from collections.abc import Mapping

from rare_species.common.errors import UserError
from rare_species.common.image_formats import IMAGE_SUFFIXES
from rare_species.common.registry import find_registered
from rare_species.common.terminal import count
from rare_species.layouts.layout import Archive, Labels, Layout, Options

AUTO = "auto"


LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in sorted(find_registered("rare_species.layouts", "LAYOUT"), key=lambda layout: layout.precedence)
}


def read_labels(archive: Archive, layout: str, options: Options) -> Labels:
    """Read the labels of an archive.

    Args:
        archive: its files.
        layout: "auto", or a name of `LAYOUTS`.
        options: how labels are read.

    Raises:
        UserError: when there is no image, or the archive is not laid out so, or its labels can't be read.
    """
    if not archive.images:
        raise UserError(
            f"The archive must hold images ({', '.join(sorted(IMAGE_SUFFIXES))}). Received: no images among "
            f"{count(len(archive.names), 'file')}. Set unzip.archive in params.yaml to a zip of photos."
        )
    chosen = LAYOUTS[layout] if layout != AUTO else _detect(archive, options)
    return chosen.read(archive, options)


def _detect(archive: Archive, options: Options) -> Layout:
    return next(layout for layout in LAYOUTS.values() if layout.detects(archive, options))
