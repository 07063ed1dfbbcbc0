"""Whether the machine or damage ended the reading of an .npz; zipfile and NumPy raise anything for damage."""

from __future__ import annotations

import zipfile
from pathlib import Path

from rare_species.common.failures import is_refusal


def is_damage(error: Exception, file: Path) -> bool:
    """Whether an error tells that the file's bytes are damaged.

    It does not where the system refused to read them, or memory was short for arrays that are whole: only a damaged
    header asks for more than there is in the file.

    Args:
        error: that reading the file raised.
        file: an .npz.
    """
    if isinstance(error, MemoryError):
        return not _is_whole(file)
    return not (isinstance(error, OSError) and is_refusal(error))


def _is_whole(file: Path) -> bool:
    """Compare all checksums of a zip, a piece at a time."""
    try:
        with zipfile.ZipFile(file) as archive:
            return archive.testzip() is None
    except MemoryError:  # for a piece
        return True
    except Exception:  # damage, as above
        return False
