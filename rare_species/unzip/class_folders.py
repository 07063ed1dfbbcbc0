"""Which of nested folders is a photo's class."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from rare_species.common.errors import UserError
from rare_species.common.spelling import spelling_key
from rare_species.common.terminal import count, first_few
from rare_species.params.unzip import ClassFolder

# Folders that hold the classes once more, one for each use that someone else's split made of the photos.
_SPLIT_NAMES = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing", "holdout"}
)
_MOST_NAMED = 3
Parts = tuple[str, ...]


def folder_labels(folders: Iterable[str], class_folder: ClassFolder) -> dict[str, str]:
    """Read each folder's class from its path.

    Where all top folders are those of a given split (`train`, `test`, ...) and hold folders only, they say nothing. Of
    what is left, `first` takes the folder at the top and `last` the one that directly holds the photos. `auto` reads
    only what is the same both ways: with folders in folders (`lion/cam01`, or `chordata/felidae`) it refuses.

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
        _refuse_two_readings(paths)
    return {folder: parts[0] if class_folder == "first" else parts[-1] for folder, parts in paths.items()}


def describe_classes(classes: Collection[str]) -> str:
    """How many classes there are, and the names of the first few."""
    return f"{count(len(classes), 'class', 'classes')} ({first_few(sorted(classes), _MOST_NAMED)})"


def _refuse_two_readings(paths: Mapping[str, Parts]) -> None:
    nested = [folder for folder, parts in paths.items() if parts[0] != parts[-1]]
    if nested:
        first, last = (describe_classes({parts[place] for parts in paths.values()}) for place in (0, -1))
        raise UserError(
            f"Photos must lie in one folder per class. Received: folders in folders, such as {min(nested)!r}, which "
            f"can be read in two ways. unzip.class_folder: first reads {first}; last reads {last}. "
            "Choose one in params.yaml."
        )
