"""Tell pages of text, maps, labels and diagrams from photos by the pattern of ink on paper; no text is read.

The image is reduced, ten quantities are measured on the copy, and a logistic regression turns them into a score.
`python -m benchmarks.documents` drew the documents that the weights were fitted to. It also measures the detector on
other kinds of documents and other photos.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

LONGER_SIDE_PX = 256  # of the reduced copy: lines of text are still visible
BLOCK_PX = 16  # about two lines of a page's text
SURROUNDINGS_PX = LONGER_SIDE_PX // 12 | 1  # wider than any stroke of ink
CELLS = 8  # the page is divided into 8 by 8 cells
SOFT, SHARP, EDGE = 2.0, 12.0, 8.0  # gradients, in grey levels per pixel: above paper grain; of ink; of any edge
SAME_LEVEL = 8  # pixels of a block that differ by fewer grey levels are one tone
IS_DOCUMENT = 0.5
MIN_MARKS_SPREAD = 3 / CELLS**2  # with fewer marks the traits say nothing: a plain sky, a cut-out shape


class Traits(NamedTuple):
    """The ten quantities measured on an image; shares are in [0, 1].

    Attributes:
        log_colours: natural logarithm of the number of colours, out of 4096, that cover 90 % of the pixels.
        flat: share of pixels without a gradient.
        shaded: share of pixels with a soft gradient. Photos have light and shadow; ink has edges.
        axis_aligned: share of the total edge strength that is vertical or horizontal, as in letters, rules and frames.
        paper_blocks: share of blocks in which more than about a third of the pixels are as bright as paper (the
            block's brightest level).
        paper_in_busy_blocks: mean share of paper in the blocks that have ink.
        paper_reach: brightest level of a dark block divided by that of a bright block. It is near 1 on a page, where
            paper shows everywhere.
        ink_contrast: Otsu's threshold between ink and the paper around it (Otsu, 1979).
        marks_spread: share of the page's 64 cells that contain marks no larger than a word.
        inverted: 1 if the paper is dark and the ink bright, else 0. If 1, the other traits are measured on the
            negative, except log_colours.
    """

    log_colours: float
    flat: float
    shaded: float
    axis_aligned: float
    paper_blocks: float
    paper_in_busy_blocks: float
    paper_reach: float
    ink_contrast: float
    marks_spread: float
    inverted: float


BIAS = -4.408
WEIGHTS = Traits(
    log_colours=-0.923,
    flat=0.993,
    shaded=-0.771,
    axis_aligned=8.543,
    paper_blocks=1.492,
    paper_in_busy_blocks=7.539,
    paper_reach=0.654,
    ink_contrast=-11.843,
    marks_spread=3.162,
    inverted=-1.384,
)


def document_score(image: Image.Image) -> float:
    """Score how much an image looks like a document.

    Args:
        image: mode RGB, any size; turning the image by 90 degrees changes the score little.

    Returns:
        A number in [0, 1] with three decimals. An image that scores `IS_DOCUMENT` or more counts as a document.
    """
    traits = measure(image)
    if traits.marks_spread < MIN_MARKS_SPREAD:
        return 0.0
    logit = BIAS + float(np.dot(WEIGHTS, traits))
    return round(float(1 / (1 + np.exp(-logit))), 3)


def measure(image: Image.Image) -> Traits:
    """Measure the traits of an RGB image of any size."""
    scale = LONGER_SIDE_PX / max(image.size)
    width, height = (max(round(side * scale), BLOCK_PX) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR)
    grey = np.asarray(small.convert("L"))
    inverted = _is_dark(grey)
    bright = 255 - grey if inverted else grey
    flat, shaded, axis_aligned = _gradients(bright)
    paper_blocks, paper_in_busy_blocks, paper_reach = _blocks(bright)
    ink_contrast, marks_spread = _ink(bright)
    return Traits(
        log_colours=_log_colours(np.asarray(small)),
        flat=flat,
        shaded=shaded,
        axis_aligned=axis_aligned,
        paper_blocks=paper_blocks,
        paper_in_busy_blocks=paper_in_busy_blocks,
        paper_reach=paper_reach,
        ink_contrast=ink_contrast,
        marks_spread=marks_spread,
        inverted=float(inverted),
    )


def _log_colours(rgb: NDArray[np.uint8]) -> float:
    red, green, blue = np.moveaxis(rgb.astype(np.int64) >> 4, -1, 0)
    counts = np.sort(np.bincount((red << 8 | green << 4 | blue).ravel()))[::-1]
    return float(np.log(np.searchsorted(np.cumsum(counts), 0.9 * red.size) + 1))


def _is_dark(grey: NDArray[np.uint8]) -> bool:
    """Check whether the paper is dark: the most common level is paper, and more pixels are brighter than darker."""
    light = ndimage.uniform_filter(grey.astype(np.float32), LONGER_SIDE_PX // 2)  # light may come from one side
    counts = np.bincount(np.clip(grey - light + 128, 0, 255).astype(np.int64).ravel(), minlength=256)
    paper = int(np.convolve(counts, np.ones(17), "same").argmax())
    return bool(counts[: max(paper - 40, 0)].sum() < counts[paper + 41 :].sum())


def _gradients(grey: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return the traits `flat`, `shaded` and `axis_aligned` (within 10 degrees of vertical or horizontal)."""
    down, across = np.gradient(ndimage.gaussian_filter(grey.astype(np.float32), 1.0))
    slope = np.hypot(down, across)
    edges = slope[slope > EDGE]
    cosine = np.abs(across[slope > EDGE]) / np.maximum(edges, EDGE)
    aligned = edges[(cosine > 0.985) | (cosine < 0.17)].sum() / edges.sum() if edges.size else 0.0
    flat, sharp = np.mean(slope < SOFT), np.mean(slope > SHARP)
    return float(flat), float(1 - flat - sharp), float(aligned)


def _blocks(grey: NDArray[np.uint8]) -> tuple[float, float, float]:
    """Return the traits `paper_blocks`, `paper_in_busy_blocks` and `paper_reach`.

    The paper of a block is its pixels near the block's brightest level.
    """
    rows, columns = (side // BLOCK_PX for side in grey.shape)
    cut = grey[: rows * BLOCK_PX, : columns * BLOCK_PX].reshape(rows, BLOCK_PX, columns, BLOCK_PX)
    blocks = np.sort(cut.swapaxes(1, 2).reshape(rows * columns, BLOCK_PX**2).astype(np.int16), axis=1)
    darkest, brightest = blocks[:, BLOCK_PX**2 // 20], blocks[:, BLOCK_PX**2 * 19 // 20]
    paper = np.mean(np.abs(blocks - brightest[:, None]) < SAME_LEVEL, axis=1)
    busy = brightest - darkest >= 3 * SAME_LEVEL
    dim, lit = np.percentile(brightest, [15, 90])
    return float(np.mean(paper > 0.35)), float(paper[busy].mean()) if busy.any() else 0.5, float(dim / max(lit, 1))


def _ink(grey: NDArray[np.uint8]) -> tuple[float, float]:
    """Return the traits `ink_contrast` and `marks_spread`."""
    paper = ndimage.minimum_filter(ndimage.maximum_filter(grey, SURROUNDINGS_PX), SURROUNDINGS_PX)
    paper = np.maximum(ndimage.uniform_filter(paper.astype(np.float32), SURROUNDINGS_PX), 30)
    ink = np.clip(1 - grey / paper, 0, 1)
    contrast = _otsu(ink)
    labels, _ = ndimage.label(ink > contrast, np.ones((3, 3)))
    areas, cells = np.bincount(labels.ravel())[1:], set()
    for area, (rows, columns) in zip(areas, ndimage.find_objects(labels), strict=True):
        height, width = rows.stop - rows.start, columns.stop - columns.start
        if area >= 3 and min(height, width) <= LONGER_SIDE_PX / 12 and max(height, width) <= LONGER_SIDE_PX / 3:
            middle = (
                (rows.start + rows.stop) * CELLS // 2 // grey.shape[0],
                (columns.start + columns.stop) * CELLS // 2 // grey.shape[1],
            )
            cells.add(middle)
    return contrast, len(cells) / CELLS**2


def _otsu(values: NDArray[np.floating]) -> float:
    """Return Otsu's threshold, which separates values in [0, 1] into two classes best; never below 0.08."""
    counts = np.bincount((values * 63).astype(np.int64).ravel(), minlength=64)
    centres = (np.arange(64) + 0.5) / 64
    weight, moment = np.cumsum(counts) / values.size, np.cumsum(counts * centres) / values.size
    between = (moment[-1] * weight - moment) ** 2 / np.maximum(weight * (1 - weight), 1e-9)
    return max(float(centres[between.argmax()]), 0.08)
