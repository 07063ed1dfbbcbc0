"""Which of nested folders is a photo's class."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from rare_species.errors import UserError
from rare_species.params import ClassFolder
from rare_species.spelling import spelling_key

# Folders that hold the classes once more, one for each use that someone else's split made of the photos.
_SPLIT_NAMES = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing", "holdout"}
)
_MOST_NAMED = 3
log = logging.getLogger(__name__)
Parts = tuple[str, ...]


def folder_labels(folders: Iterable[str], class_folder: ClassFolder) -> dict[str, str]:
    """Read each folder's class from its path.

    Where all top folders are those of a given split (`train`, `test`, ...) and hold folders only, they say nothing. Of
    what is left, `first` takes the folder at the top and `last` the one that directly holds the photos. `auto` is
    `last` where nothing speaks against it: with folders of one name in several others (`lion/cam01`, `zebra/cam01`),
    or photos at several depths, the two readings differ and it refuses.

    Args:
        folders: paths of folders that directly hold photos, with "/" between names.
        class_folder: `auto`, `first` or `last`.

    Returns:
        Folder -> the name of its class.

    Raises:
        UserError: when `auto` can be read in two ways.
    """
    paths = {folder: tuple(folder.split("/")) for folder in folders}
    if all(len(parts) > 1 and spelling_key(parts[0]) in _SPLIT_NAMES for parts in paths.values()):
        paths = {folder: parts[1:] for folder, parts in paths.items()}
    if class_folder == "auto":
        _refuse_two_readings(set(paths.values()))
    return {folder: parts[0] if class_folder == "first" else parts[-1] for folder, parts in paths.items()}


def _refuse_two_readings(paths: set[Parts]) -> None:
    parents: dict[str, set[Parts]] = {}
    for parts in paths:
        parents.setdefault(spelling_key(parts[-1]), set()).add(parts[:-1])
    depths = {len(parts) for parts in paths}
    first, last = ({parts[place] for parts in paths} for place in (0, -1))
    repeated = any(len(places) > 1 for places in parents.values())
    if repeated or len(depths) > 1:
        why = "folders of one name lie in several others" if repeated else "photos lie at several depths"
        raise UserError(
            f"Photos must lie in one folder per class. Received: folders that can be read in two ways, as {why}. "
            f"unzip.class_folder: first reads {_describe(first)}; last reads {_describe(last)}. "
            "Choose one in params.yaml."
        )
    if max(depths, default=1) > 1 and first != last:
        log.info(
            "classes are the folders that hold photos: %s; with class_folder first, %s", *map(_describe, (last, first))
        )


def _describe(classes: set[str]) -> str:
    names = ", ".join(map(repr, sorted(classes)[:_MOST_NAMED]))
    more = ", ..." if len(classes) > _MOST_NAMED else ""
    return f"{len(classes):,} class{'es' * (len(classes) != 1)} ({names}{more})"
