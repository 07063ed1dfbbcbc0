"""The orientation of a photo, as its camera recorded it."""

from __future__ import annotations

from PIL import Image

ORIENTATION_TAG = 0x0112  # EXIF 2.3, section 4.6.4
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_orientation(image: Image.Image) -> int:
    """Read the EXIF orientation, 1 (upright) to 8.

    Call it after decoding: `getexif` decodes a PNG, and this function hides its errors.
    """
    if image.format == "TIFF":  # Pillow turns TIFFs upright when it loads them
        return 1
    try:
        value = int(image.getexif().get(ORIENTATION_TAG, 1))  # some write it as a real number
    except Exception:  # broken metadata raise anything, and don't make a photo unusable
        return 1
    return value if value in UPRIGHT else 1


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or flip a picture with this EXIF orientation so that it is upright."""
    return image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
