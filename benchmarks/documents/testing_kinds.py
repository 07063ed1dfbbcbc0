"""Kinds of documents that the filter is tested on, and never fitted on."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from benchmarks.documents.page import BLACK, Page, Points


def article(rng: np.random.Generator) -> Image.Image:
    """A journal's page: a title, two columns, and often a grey figure in one of them."""
    page = Page(rng, 900, 1200)
    size = page.between(13, 19)
    page.write(60, 40, page.words(5), 30)
    page.draw.line([(60, 95), (840, 95)], fill=BLACK, width=2)
    first = page.between(110, 500) if rng.random() < 0.6 else 110.0
    if first > 300:
        grey = rng.normal(page.between(80, 180), 30, (6, 8)).clip(0, 255).astype(np.uint8)
        figure = Image.fromarray(grey).resize((370, int(first) - 150), Image.Resampling.BICUBIC)
        page.image.paste(figure.convert("RGB"), (60, 110))
    page.paragraph((60, first, 430, 1140), size)
    page.paragraph((470, 110, 840, 1140), size)
    return page.image


def index_card(rng: np.random.Generator) -> Image.Image:
    """A ruled catalogue card with a red line on top, a printed head and handwriting."""
    page = Page(rng, 1000, 620)
    page.draw.line([(0, 110), (1000, 110)], fill=(200, 60, 60), width=3)
    for y in range(165, 620, 55):
        page.draw.line([(0, y), (1000, y)], fill=(150, 180, 220), width=2)
    page.write(40, 45, page.words(2), 42)
    page.ink = (30, 30, 90) if rng.random() < 0.5 else (50, 45, 45)
    for y in range(125, 125 + 55 * page.count(3, 8), 55):
        page.scribble(40, y, page.between(200, 900), 36)
    if rng.random() < 0.4:
        page.draw.ellipse((480, 560, 520, 600), fill=(90, 90, 90))
    return page.image


def table(rng: np.random.Generator) -> Image.Image:
    """Rows and columns of words and numbers, ruled or with shaded rows."""
    page = Page(rng, 1000, page_height := int(rng.integers(600, 1250)))
    row_height, n_columns, ruled = page.between(26, 52), page.count(3, 9), rng.random() < 0.6
    page.write(40, 16, page.words(6), 26)
    for number, y in enumerate(np.arange(70, page_height - 60, row_height)):
        if not ruled and number % 2:
            page.draw.rectangle((40, y, 960, y + row_height), fill=(222, 228, 234))
        if ruled or number < 2:
            page.draw.line([(40, y), (960, y)], fill=BLACK, width=2)
        for column in range(n_columns):
            cell = f"{page.between(0, 999):.1f}" if column else page.words(1)
            page.write(48 + column * 920 / n_columns, y + 3, cell, row_height * 0.55)
    if ruled:
        for column in range(n_columns + 1):
            x = 40 + column * 920 / n_columns
            page.draw.line([(x, 70), (x, page_height - 60)], fill=BLACK, width=2)
    return page.image


def flow_diagram(rng: np.random.Generator) -> Image.Image:
    """A life cycle or a process: boxes with words, and arrows between them."""
    page = Page(rng, 1000, 800)
    n_boxes, phase = page.count(4, 9), page.between(0, 6)
    angles = phase + np.arange(n_boxes) * 2 * np.pi / n_boxes
    places = np.column_stack([500 + 360 * np.cos(angles), 420 + 290 * np.sin(angles)])
    fills = [(255, 255, 255), (200, 225, 250), (250, 220, 190), (215, 240, 205)]
    for here, there in zip(places, np.roll(places, -1, axis=0), strict=True):
        page.arrow(here + (there - here) * 0.36, here + (there - here) * 0.66, page.between(3, 6))
    fill = fills[page.count(0, 3)]
    for x, y in places:
        shape = page.draw.rectangle if rng.random() < 0.7 else page.draw.ellipse
        shape((x - 95, y - 42, x + 95, y + 42), fill=fill, outline=BLACK, width=3)
        page.write(x - 78, y - 26, page.words(1), 24)
        page.write(x - 78, y + 2, page.words(1), 20)
    page.write(page.between(40, 300), 14, page.words(4), 32)
    return page.image


def family_tree(rng: np.random.Generator) -> Image.Image:
    """A phylogenetic tree of right-angled branches with a name at every tip."""
    page = Page(rng, 950, 1000)
    n_tips = page.count(8, 32)
    heights = list(np.linspace(50, 950, n_tips))
    nodes = [(650.0, y) for y in heights]
    for y in heights:
        page.write(660, y - 13, page.words(2), min(26.0, 700 / n_tips))
    while len(nodes) > 1:
        first = page.count(0, len(nodes) - 2)
        (x1, y1), (x2, y2) = nodes[first], nodes[first + 1]
        x = max(min(x1, x2) - page.between(10, 60), 20 + len(nodes))
        for x_end, y in ((x1, y1), (x2, y2)):
            page.draw.line([(x, y), (x_end, y)], fill=BLACK, width=3)
        page.draw.line([(x, y1), (x, y2)], fill=BLACK, width=3)
        nodes[first : first + 2] = [(x, (y1 + y2) / 2)]
    return page.image


def line_chart(rng: np.random.Generator) -> Image.Image:
    """Curves or points on axes with ticks, a legend and names of the axes."""
    page = Page(rng, 1000, 760, (255, 255, 255) if rng.random() < 0.6 else None)
    x = np.linspace(120, 950, 60)
    for number in range(page.count(1, 5)):
        colour = (page.count(0, 220), page.count(0, 200), page.count(0, 220))
        y = np.clip(380 + np.cumsum(rng.normal(0, 22, 60)), 70, 640)
        if rng.random() < 0.7:
            page.curve(np.column_stack([x, y]), page.between(2, 6), colour)
        for dot_x, dot_y in zip(x[::3], y[::3], strict=True):
            page.draw.ellipse((dot_x - 6, dot_y - 6, dot_x + 6, dot_y + 6), fill=colour)
        page.write(760, 60 + number * 30, page.words(1), 22, colour)
    page.draw.rectangle((120, 50, 960, 660), outline=BLACK, width=3)
    for step in range(8):
        page.draw.line([(110, 650 - step * 82), (120, 650 - step * 82)], fill=BLACK, width=3)
        page.write(50, 638 - step * 82, str(step * 5), 22)
        page.write(130 + step * 112, 668, str(1990 + step * 4), 22)
    page.write(400, 705, page.words(3), 26)
    return page.image


def museum_label(rng: np.random.Generator) -> Image.Image:
    """A specimen's label that fills the picture: a frame, a few large printed lines, a number by hand."""
    page = Page(rng, 1000, int(rng.integers(480, 760)))
    if rng.random() < 0.7:
        page.draw.rectangle((18, 18, 981, page.height - 19), outline=BLACK, width=4)
    size = page.between(34, 62)
    y = 50.0
    while y + size * 1.5 < page.height - 40:
        if rng.random() < 0.65:
            page.write(60, y, page.words(page.count(2, 4))[: int(1500 / size)], size)
        else:
            page.write(60, y, page.words(1) + ":", size * 0.8)
            page.scribble(60 + size * 6, y, page.between(150, 500), size * 0.9)
        y += size * page.between(1.4, 2.0)
    return page.image


def labelled_anatomy(rng: np.random.Generator) -> Image.Image:
    """One outline drawing with parts, leader lines and their names on both sides."""
    page = Page(rng, 1000, 900)
    body = page.blob(500, 450, page.between(150, 230), 0.2)
    if rng.random() < 0.4:
        page.region(body, (page.count(200, 245), page.count(190, 230), page.count(150, 220)))
    page.curve(body, 4, close=True)
    for _ in range(page.count(3, 8)):
        part = page.blob(page.between(400, 600), page.between(350, 550), page.between(15, 60), 0.2)
        page.curve(part, 3, close=True)
    for number in range(page.count(6, 14)):
        y = 60 + (number // 2) * 115
        right = number % 2 == 1
        _leader(page, np.array([700.0 if right else 290.0, y + 14]), body[page.count(0, len(body) - 1)])
        page.write(710 if right else 60, y, page.words(2)[:15], 26)
    page.write(250, 850, page.words(5), 26)
    return page.image


def street_map(rng: np.random.Generator) -> Image.Image:
    """A town: streets with casings, parks, a river, blocks of houses and names."""
    ground = [(242, 239, 233), (230, 230, 226), (250, 250, 248)][int(rng.integers(3))]
    page = Page(rng, 1100, 850, ground)
    for _ in range(page.count(1, 5)):
        page.region(page.blob(page.between(0, 1100), page.between(0, 850), page.between(50, 150), 0.2), (196, 222, 178))
    along = np.linspace(-20, 1120, 50)
    river = page.between(150, 700) + np.cumsum(rng.normal(0, 12, 50))
    page.curve(np.column_stack([along, river]), page.between(20, 60), (160, 196, 226))
    for _ in range(page.count(60, 220)):
        x, y = page.between(0, 1080), page.between(0, 830)
        page.draw.rectangle((x, y, x + page.between(8, 30), y + page.between(8, 30)), fill=(206, 196, 188))
    for _ in range(page.count(12, 34)):
        ends = rng.uniform(-200, 1300, (2, 2))
        width = page.between(5, 16)
        page.curve(ends, width + 4, (150, 145, 140))
        page.curve(ends, width, (255, 255, 255) if rng.random() < 0.7 else (248, 214, 120))
    for _ in range(page.count(8, 30)):
        page.write(page.between(10, 950), page.between(10, 820), page.words(page.count(1, 2)), page.between(14, 24))
    return page.image


def newspaper(rng: np.random.Generator) -> Image.Image:
    """A front page: a masthead, headlines, narrow columns and grey pictures."""
    page = Page(rng, 950, 1300)
    page.write(120, 20, page.words(2)[:16], 80)
    page.draw.line([(30, 130), (920, 130)], fill=BLACK, width=4)
    n_columns, size = page.count(3, 6), page.between(11, 16)
    page.write(40, 145, page.words(4), 44)
    pitch = 890 / n_columns
    for column in range(n_columns):
        x, y = 30 + column * pitch, 210.0
        while y < 1240:
            if rng.random() < 0.25:
                height = int(page.between(90, 220))
                grey = rng.normal(page.between(90, 170), 45, (9, 9)).clip(0, 255).astype(np.uint8)
                picture = Image.fromarray(grey).resize((int(pitch) - 16, height), Image.Resampling.BICUBIC)
                page.image.paste(picture.convert("RGB"), (int(x), int(y)))
            else:
                height = int(page.between(150, 500))
                page.write(x, y, page.words(1), size * 1.7)
                page.paragraph((x, y + size * 2.4, x + pitch - 16, min(y + height, 1270)), size, 1.2)
            y += height + 14
    return page.image


def slide(rng: np.random.Generator) -> Image.Image:
    """A talk's slide: a coloured ground, a title, points and a picture or a small chart."""
    dark = rng.random() < 0.5
    ground = (page_red := int(rng.integers(10, 60)), page_red + 20, page_red + 60) if dark else (248, 246, 238)
    page = Page(rng, 1200, 900 if rng.random() < 0.5 else 675, ground)
    page.ink = (245, 240, 200) if dark else (30, 40, 90)
    page.write(70, 40, page.words(3), 54)
    page.draw.line([(70, 125), (1130, 125)], fill=page.ink, width=4)
    for number in range(page.count(3, 6)):
        y = 170 + number * 80
        page.draw.ellipse((75, y + 12, 91, y + 28), fill=page.ink)
        page.write(110, y, page.words(page.count(3, 5))[:34], 34)
    if rng.random() < 0.5:
        small = rng.normal(120, 50, (5, 6, 3)).clip(0, 255).astype(np.uint8)
        page.image.paste(Image.fromarray(small).resize((330, 300), Image.Resampling.BICUBIC), (820, 200))
    else:
        for bar in range(5):
            height = page.between(40, 260)
            page.draw.rectangle((830 + bar * 60, 500 - height, 870 + bar * 60, 500), fill=(200, 110, 50))
    page.write(70, page.height - 45, page.words(2), 20)
    return page.image


def _leader(page: Page, start: Points, end: Points) -> None:
    page.curve(np.stack([start, end]), 2)


TEST_KINDS: Mapping[str, Callable[[np.random.Generator], Image.Image]] = {
    "article": article,
    "index card": index_card,
    "table": table,
    "flow diagram": flow_diagram,
    "family tree": family_tree,
    "line chart": line_chart,
    "museum label": museum_label,
    "labelled anatomy": labelled_anatomy,
    "street map": street_map,
    "newspaper": newspaper,
    "slide": slide,
}
