"""Kinds of documents that the filter's weights are fitted on; none of them is among the test kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from benchmarks.documents.page import BLACK, Page


def typed_page(rng: np.random.Generator) -> Image.Image:
    """One column of typed text, at times with a heading."""
    page = Page(rng, 900, 1200)
    size, left = page.between(14, 26), page.between(50, 140)
    top = page.between(60, 220)
    if rng.random() < 0.6:
        page.write(left, top - size * 2, page.words(4), size * 1.6)
    page.paragraph((left, top, 900 - left, page.between(700, 1150)), size, page.between(1.2, 2.0))
    page.write(440, 1165, str(page.count(1, 400)), 18)
    return page.image


def letter(rng: np.random.Generator) -> Image.Image:
    """A handwritten page of notes, on plain or lined paper."""
    page = Page(rng, 900, 1150)
    page.ink = [(30, 30, 40), (30, 40, 120), (90, 60, 40)][page.count(0, 2)]
    size, gap = page.between(26, 44), page.between(48, 70)
    lined = rng.random() < 0.4
    for y in np.arange(80, page.between(600, 1100), gap):
        if lined:
            page.draw.line([(0, y + size * 0.6), (900, y + size * 0.6)], fill=(150, 180, 210), width=2)
        page.scribble(70, y, page.between(300, 760), size)
    return page.image


def range_map(rng: np.random.Generator) -> Image.Image:
    """Land and sea in flat colours, borders, and a region where the species lives."""
    sea, land = [
        ((190, 215, 240), (240, 235, 210)),
        ((255, 255, 255), (205, 205, 205)),
        ((120, 170, 220), (170, 200, 140)),
    ][int(rng.integers(3))]
    page = Page(rng, 1100, 800, sea)
    for _ in range(page.count(2, 6)):
        x, y, radius = page.between(100, 1000), page.between(100, 700), page.between(80, 300)
        page.region(page.blob(x, y, radius), land, (90, 90, 90), 2)
        if rng.random() < 0.7:
            fill = (page.count(150, 240), page.count(30, 160), page.count(20, 90))
            page.region(page.blob(x, y, radius * 0.5, 0.25), fill)
    if rng.random() < 0.5:
        for step in range(1, 7):
            page.draw.line([(0, step * 115), (1100, step * 115)], fill=(140, 160, 180))
            page.draw.line([(step * 160, 0), (step * 160, 800)], fill=(140, 160, 180))
    for _ in range(page.count(0, 12)):
        page.write(page.between(30, 950), page.between(30, 760), page.words(1), page.between(14, 30))
    return page.image


def bar_chart(rng: np.random.Generator) -> Image.Image:
    """Bars on axes with ticks, numbers, a title and a legend."""
    page = Page(rng, 1000, 720, (255, 255, 255) if rng.random() < 0.7 else None)
    colour = (page.count(20, 200), page.count(20, 200), page.count(20, 220))
    n_bars = page.count(4, 16)
    for step in range(6):
        page.draw.line([(110, 620 - step * 100), (960, 620 - step * 100)], fill=(210, 210, 210), width=2)
        page.write(50, 610 - step * 100, str(step * 20), 22)
    for bar in range(n_bars):
        x, height = 120 + bar * 840 / n_bars, page.between(20, 500)
        page.draw.rectangle((x, 620 - height, x + 560 / n_bars, 620), fill=colour, outline=BLACK)
        page.write(x, 630, page.words(1)[:5], min(22, 500 / n_bars))
    page.draw.line([(110, 60), (110, 620), (960, 620)], fill=BLACK, width=3)
    page.write(page.between(120, 300), 16, page.words(5), 30)
    return page.image


def herbarium_sheet(rng: np.random.Generator) -> Image.Image:
    """A pressed plant on paper, with a label, a stamp and a scale bar."""
    page = Page(rng, 800, 1150, (page_shade := int(rng.integers(195, 240)), page_shade - 8, page_shade - 30))
    green = (page.count(60, 110), page.count(70, 100), page.count(30, 60))
    spine = np.column_stack([400 + np.cumsum(rng.normal(0, 6, 60)), np.linspace(1000, 120, 60)])
    page.curve(spine, page.between(4, 9), green)
    for x, y in spine[6::3]:
        angle, length = page.between(-0.9, 0.9) + np.pi * (rng.random() < 0.5), page.between(50, 190)
        tip = np.array([x + np.cos(angle) * length, y - abs(np.sin(angle)) * length])
        side = np.array([-(tip - (x, y))[1], (tip - (x, y))[0]]) * page.between(0.08, 0.25)
        middle = (np.array([x, y]) + tip) / 2
        page.region(np.stack([np.array([x, y]), middle + side, tip, middle - side]), green)
    page.draw.rectangle((440, 940, 780, 1130), fill=(246, 244, 236), outline=(120, 120, 120))
    page.paragraph((455, 955, 770, 1120), page.between(14, 20), 1.5)
    for step in range(10):
        page.draw.rectangle(
            (30 + step * 22, 1110, 52 + step * 22, 1125), fill=(0, 0, 0) if step % 2 else (255, 255, 255)
        )
    if rng.random() < 0.6:
        page.draw.ellipse((60, 60, 170, 170), outline=(60, 60, 140), width=4)
        page.write(75, 105, page.words(1), 18, (60, 60, 140))
    return page.image


def form(rng: np.random.Generator) -> Image.Image:
    """Printed labels, boxes and rules, some of them filled in by hand."""
    page = Page(rng, 900, 1100)
    page.write(60, 40, page.words(4), 38)
    y = 130.0
    while y < 1000:
        page.write(60, y, page.words(2), 20)
        if rng.random() < 0.5:
            page.draw.rectangle((330, y - 8, 840, y + 34), outline=BLACK, width=2)
        else:
            page.draw.line([(330, y + 28), (840, y + 28)], fill=BLACK, width=2)
        if rng.random() < 0.6:
            page.scribble(345, y - 2, page.between(60, 450), 30)
        y += page.between(50, 85)
    return page.image


def engraved_plate(rng: np.random.Generator) -> Image.Image:
    """Several hatched figures with numbers and a caption, as on the plates of old books."""
    page = Page(rng, 850, 1150)
    rows, columns = page.count(2, 4), page.count(2, 3)
    for row in range(rows):
        for column in range(columns):
            x, y = 850 * (column + 0.5) / columns, 60 + 960 * (row + 0.5) / rows
            radius = page.between(50, 380 / max(rows, columns))
            shape = page.blob(x, y, radius)
            page.hatch(shape, page.between(5, 14))
            page.curve(shape, 3, close=True)
            page.curve(page.blob(x, y, radius * 0.4), 2, close=True)
            page.write(x + radius * 0.6, y + radius, f"{row * columns + column + 1}.", 24)
    page.write(330, 20, f"Plate {page.count(1, 90)}", 28)
    page.paragraph((80, 1060, 770, 1140), 18)
    return page.image


def outline_map(rng: np.random.Generator) -> Image.Image:
    """Borders of many countries on paper, with dots where the species was found, names and a scale."""
    page = Page(rng, 1000, int(rng.integers(650, 1100)))
    fill = tuple(value - page.count(0, 40) for value in page.paper)
    for _ in range(page.count(4, 14)):
        x, y = page.between(0, 1000), page.between(0, page.height)
        page.region(page.blob(x, y, page.between(60, 280), 0.25), (fill[0], fill[1], fill[2]), (80, 80, 80), 3)
        page.write(x - 40, y - 10, page.words(1), page.between(16, 34))
    dot = BLACK if rng.random() < 0.5 else (page.count(120, 220), 30, 30)
    for x, y in rng.normal(0.5, 0.18, (page.count(10, 90), 2)) * (1000, page.height):
        page.draw.ellipse((x - 7, y - 7, x + 7, y + 7), fill=dot)
    page.draw.rectangle((4, 4, 995, page.height - 5), outline=BLACK, width=3)
    page.draw.line([(60, page.height - 40), (260, page.height - 40)], fill=BLACK, width=5)
    page.write(100, page.height - 75, f"{page.count(1, 90)}00 km", 24)
    return page.image


def handbook_page(rng: np.random.Generator) -> Image.Image:
    """A field guide's page: painted animals between blocks of text."""
    page = Page(rng, 850, 1200)
    size, y = page.between(15, 24), 60.0
    while y < 1000:
        colour = (page.count(60, 210), page.count(50, 190), page.count(30, 160))
        left = rng.random() < 0.5
        x, radius = (190.0 if left else 660.0), page.between(70, 120)
        page.region(page.blob(x, y + 120, radius, 0.2), colour, BLACK, 2)
        page.region(page.blob(x, y + 110, radius * 0.5, 0.2), (colour[2], colour[0], colour[1]))
        start = 360.0 if left else 50.0
        page.paragraph((start, y, start + 440, y + page.between(150, 250)), size)
        y += 270
    page.write(60, 14, page.words(3), 28)
    return page.image


def contour_map(rng: np.random.Generator) -> Image.Image:
    """A topographic sheet: contour lines, rivers, roads, names and a frame."""
    page = Page(rng, 1100, 900, (int(rng.integers(225, 250)), int(rng.integers(228, 246)), int(rng.integers(195, 235))))
    if rng.random() < 0.6:
        for _ in range(page.count(2, 5)):
            page.region(page.blob(page.between(0, 1100), page.between(0, 900), page.between(80, 250)), (196, 220, 170))
    for _ in range(page.count(4, 8)):
        shape = page.blob(page.between(50, 1050), page.between(50, 850), 1, 0.3)
        centre = shape.mean(axis=0)
        for radius in range(20, page.count(120, 330), page.count(12, 24)):
            page.curve(centre + (shape - centre) * radius, 2, (170, 120, 80), close=True)
    for colour, width in [((70, 130, 200), 5), ((190, 60, 50), 4), (BLACK, 3)]:
        steps = np.cumsum(rng.normal(0, 30, 40)) + page.between(100, 800)
        page.curve(np.column_stack([np.linspace(0, 1100, 40), steps]), width, colour)
    for _ in range(page.count(6, 25)):
        page.write(page.between(20, 950), page.between(20, 860), page.words(1), page.between(16, 30))
    page.draw.rectangle((8, 8, 1091, 891), outline=BLACK, width=4)
    return page.image


def screenshot(rng: np.random.Generator) -> Image.Image:
    """A web page or program: bars, a menu, buttons, text and a picture or two."""
    dark = rng.random() < 0.2
    page = Page(rng, 1200, 780, (32, 34, 38) if dark else (252, 252, 252))
    page.ink = (225, 225, 225) if dark else (40, 40, 45)
    accent = (page.count(20, 90), page.count(60, 130), page.count(120, 220))
    page.face = "DejaVuSans"
    page.draw.rectangle((0, 0, 1200, 60), fill=accent)
    page.write(30, 14, page.words(2), 26, (255, 255, 255))
    page.draw.rectangle((0, 60, 230, 780), fill=(46, 48, 54) if dark else (236, 238, 242))
    for y in range(90, 90 + 44 * page.count(5, 14), 44):
        page.write(24, y, page.words(2)[:16], 18)
    page.write(270, 90, page.words(4), 34)
    for x in range(270, 270 + 320 * page.count(0, 2), 320):
        small = rng.normal(120, 50, (5, 7, 3)).clip(0, 255).astype(np.uint8)
        page.image.paste(Image.fromarray(small).resize((290, 190), Image.Resampling.BICUBIC), (x, 150))
    page.paragraph((270, 370, 1160, page.between(520, 760)), page.between(15, 22), 1.5)
    page.draw.rectangle((1040, 90, 1160, 130), fill=accent)
    page.write(1060, 98, "Search", 18, (255, 255, 255))
    return page.image


TUNING_KINDS: Mapping[str, Callable[[np.random.Generator], Image.Image]] = {
    "typed page": typed_page,
    "handwritten letter": letter,
    "range map": range_map,
    "bar chart": bar_chart,
    "herbarium sheet": herbarium_sheet,
    "form": form,
    "engraved plate": engraved_plate,
    "outline map": outline_map,
    "handbook page": handbook_page,
    "contour map": contour_map,
    "screenshot": screenshot,
}
