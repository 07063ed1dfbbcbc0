"""The run's pictures inside the page: re-encoded, and small enough to send by mail."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from rare_species.common.errors import UserError

MAX_WIDTH_PX = 1100
PHOTO_QUALITY = 75  # WebP; a sheet of photos is half as large as the JPEG it comes from


@dataclass(frozen=True)
class Picture:
    """An image that needs no file beside the page.

    Attributes:
        uri: `data:` with all of it.
        width: pixels.
        height: pixels.
        is_chart: drawn with lines and text on white, not of photos.
    """

    uri: str
    width: int
    height: int
    is_chart: bool


def inline_picture(file: Path) -> Picture:
    """Read a chart (.png) or a sheet of photos (.jpg) for the page.

    Args:
        file: PNG or JPEG; the former stays without loss.

    Returns:
        WebP, at most `MAX_WIDTH_PX` wide, the same bytes for the same file.

    Raises:
        UserError: when the file is not a picture.
    """
    try:
        with Image.open(file) as opened:
            image = opened.convert("RGB")
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(
            f"Expected a picture in {file}. Received: {error}. Bring it back: git checkout HEAD -- {file}; or run "
            "the stage that writes it: dvc repro"
        ) from error
    is_chart = file.suffix == ".png"
    if image.width > MAX_WIDTH_PX:
        size = (MAX_WIDTH_PX, max(1, round(image.height * MAX_WIDTH_PX / image.width)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", lossless=is_chart, quality=100 if is_chart else PHOTO_QUALITY, method=4)
    code = base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(f"data:image/webp;base64,{code}", image.width, image.height, is_chart)
