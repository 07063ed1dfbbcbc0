"""Labels that are the names of folders: where the class folders lie, and which of nested ones is a photo's class."""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rare_species.common.errors import UserError
from rare_species.common.image_formats import is_image
from rare_species.common.spelling_variants import spelling_key
from rare_species.common.terminal import count, first_few
from rare_species.layouts.layout import Archive, ClassFolder, Labels, Options
from rare_species.layouts.tabulate_labels import tabulate_labels

# Top folders of a split that somebody else made: each of them holds the classes again.
_SPLIT_NAMES = frozenset(
    {"train", "training", "val", "valid", "validation", "dev", "eval", "test", "testing", "holdout"}
)
_MOST_NAMED = 3
# Numbers: zeros in front of them are left out, as by `spreadsheet_ids.read_id`.
_EOL_NAME = re.compile(r"0*(?P<content_id>\d+)_0*(?P<species>\d+)_eol-full-size-copy\.jpg")
Parts = tuple[str, ...]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Folders:
    """Photos in class folders.

    Attributes:
        root: the deepest folder that holds all class folders; images in it, beside the class folders, have no label.
        class_of: the name of each photo's class, by the photo's path relative to the root.
    """

    root: str
    class_of: Mapping[str, str]

    @property
    def classes(self) -> list[str]:
        """Names of the classes, sorted."""
        return sorted(set(self.class_of.values()))

    def label(self, split: Callable[[str], tuple[str, str]], options: Options) -> Labels:
        """List the photos with their labels.

        Species and content id come from names like `<content id>_<page id>_eol-full-size-copy.jpg`.

        Args:
            split: gives phylum and family of a class.
            options: how labels are read.

        Raises:
            UserError: when labels don't agree.
        """
        labels = {name: split(name) for name in self.classes}
        rows = (_row(path, *labels[name]) for path, name in self.class_of.items())
        listing = tabulate_labels(rows, "folder names", options.merge_spellings)
        if self.root:
            classes = describe_classes(set(listing["family"]))
            log.info(
                "all photos lie in folder %r, which names no class; the folders below it do: %s", self.root, classes
            )
        return Labels(listing, self.root)


def read_folders(archive: Archive, options: Options) -> Folders:
    """Find the class folder of every image that lies in one.

    Folders of one name under `train`, `test` and the like are one class.

    Args:
        archive: with at least one image.
        options: which of nested folders is the class.

    Raises:
        UserError: when images lie in no folder, or folders can be read in two ways.
    """
    root = _find_root(archive.images)
    images = [name for name in archive.below(root) if is_image(name) and "/" in name]
    class_of = folder_labels({posixpath.dirname(name) for name in images}, options.class_folder)
    return Folders(root, {name: class_of[posixpath.dirname(name)] for name in images})


def _find_root(images: Sequence[str]) -> str:
    folders = {posixpath.dirname(name) for name in images}
    if folders == {""}:
        raise UserError(
            "Images must lie in one folder per class, or be listed in a metadata.csv. Received: "
            f"{count(len(images), 'image')} in no folder. Sort them into folders named for their class, or add the "
            "list, and zip them again."
        )
    # A folder that holds every image is itself a class; the root is the one above.
    return posixpath.dirname(folders.pop()) if len(folders) == 1 else posixpath.commonpath(folders)


def _row(name: str, phylum: str, family: str) -> dict[str, str]:
    ids = _EOL_NAME.fullmatch(posixpath.basename(name))
    unknown = {"species": "", "content_id": ""}
    return {"file_path": name, "phylum": phylum, "family": family} | (ids.groupdict() if ids else unknown)


def folder_labels(folders: Iterable[str], class_folder: ClassFolder) -> dict[str, str]:
    """Read each folder's class from its path.

    If all top folders are parts of a split (`train`, `test`, ...) and hold only folders, they are ignored. In the rest
    of the path, `first` takes the top folder, and `last` the folder that directly holds the photos. `auto` accepts only
    paths in which both are the same folder, and refuses nested ones (`lion/cam01`, or `chordata/felidae`).

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
