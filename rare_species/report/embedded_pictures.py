"""Embed the run's pictures in the page: re-encoded, so that the page is small enough to send by mail."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from rare_species.common.errors import UserError

MAX_WIDTH_PX = 1100
PHOTO_QUALITY = 75  # of WebP: a sheet of photos is half as large as the JPEG it is made from


@dataclass(frozen=True)
class Picture:
    """An image inside the page, which needs no other file.

    Attributes:
        uri: `data:` URI with the whole image.
        width: width in pixels.
        height: height in pixels.
        is_chart: True for a chart (lines and text on white), False for photos.
    """

    uri: str
    width: int
    height: int
    is_chart: bool


def inline_picture(file: Path) -> Picture:
    """Read a chart (.png) or a sheet of photos (.jpg) for the page.

    Args:
        file: PNG, which is encoded without loss, or JPEG, which is not.

    Returns:
        The picture as WebP, at most `MAX_WIDTH_PX` wide; the same file gives the same bytes.

    Raises:
        UserError: if the file is not a picture.
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
