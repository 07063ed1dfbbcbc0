"""Tell damage of an .npz from failures of the machine; zipfile and NumPy raise all kinds of errors for damage."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rare_species.common.system_errors import is_refusal


def is_damage(error: Exception, file: Path) -> bool:
    """Return whether an error means that the file is damaged.

    It does not when the system refused to read the file, or when the memory was too small for intact arrays. (A damaged
    header asks for more memory than the file has bytes.)

    Args:
        error: the exception raised by reading the file.
        file: path of the .npz.
    """
    if isinstance(error, MemoryError):
        return not _is_whole(file)
    return not (isinstance(error, OSError) and is_refusal(error))


def _is_whole(file: Path) -> bool:
    """Check all checksums of a zip, one piece at a time."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except MemoryError:  # too little for even one piece, which says nothing of damage
        return True
    except Exception:  # damage, as above
        return False
