"""rare_species.clean.document_detector: pages are told from photos; what is measured has its hand-computed value."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from rare_species.clean.document_detector import IS_DOCUMENT, document_score, measure
from tests import toy

WHITE, BLACK = (255, 255, 255), (0, 0, 0)
SIDE = 256  # of the copy that is measured: these images are measured as they are


def blank(colour: tuple[int, int, int] = WHITE) -> Image.Image:
    return Image.new("RGB", (SIDE, SIDE), colour)


def with_shapes(
    draw_shapes: Callable[[ImageDraw.ImageDraw], None], ground: tuple[int, int, int] = WHITE
) -> Image.Image:
    image = blank(ground)
    draw_shapes(ImageDraw.Draw(image))
    return image


def lit_from_the_left(image: Image.Image) -> Image.Image:
    light = np.linspace(1, 0.75, image.width)[None, :, None]
    return Image.fromarray((np.asarray(image) * light).astype(np.uint8))


def smooth_noise(seed: int, cells: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (cells, cells, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize((300, 220), Image.Resampling.BICUBIC)


def cut_out() -> Image.Image:
    """A shaded ball on white."""
    y, x = np.mgrid[-1:1:240j, -1:1:300j]
    shade = np.where(np.hypot(x, y) < 0.7, 150 + 80 * x + 20 * y, 255)
    return Image.fromarray(np.stack([shade, shade * 0.9, shade * 0.7], axis=-1).clip(0, 255).astype(np.uint8))


PAGES = {
    "white paper": toy.draw_page(),
    "large": toy.draw_page(900, 1200),
    "landscape": toy.draw_page(480, 360),
    "uneven light": lit_from_the_left(toy.draw_page()),
    "grey": toy.draw_page().convert("L").convert("RGB"),
    "on its side": toy.draw_page().transpose(Image.Transpose.ROTATE_90),
}
PHOTOS = {
    "black": blank(BLACK),
    "green": blank((40, 160, 60)),
    "fine noise": smooth_noise(0, 120),
    "coarse noise": smooth_noise(1, 12),
    "soft noise": smooth_noise(2, 5),
    "cut-out on white": cut_out(),
    "disc on white": with_shapes(lambda draw: draw.ellipse((60, 60, 190, 190), fill=(180, 90, 40))),
}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_a_document(name: str) -> None:
    assert IS_DOCUMENT <= document_score(PAGES[name]) <= 1


@pytest.mark.parametrize("name", PHOTOS)
def test_what_is_no_page_is_no_document(name: str) -> None:
    assert 0 <= document_score(PHOTOS[name]) < IS_DOCUMENT


def test_the_score_has_three_decimals() -> None:
    scores = [document_score(image) for image in (*PAGES.values(), *PHOTOS.values())]
    assert scores == [round(score, 3) for score in scores]


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (16, 16), (3000, 20)])
def test_any_size_can_be_measured(size: tuple[int, int]) -> None:
    assert np.isfinite(measure(Image.new("RGB", size, (90, 120, 200)))).all()


def test_white_paper_without_ink() -> None:
    assert measure(blank())._asdict() == {
        "log_colours": 0.0,
        "flat": 1.0,
        "shaded": 0.0,
        "axis_aligned": 0.0,
        "paper_blocks": 1.0,
        "paper_in_busy_blocks": 0.5,
        "paper_reach": 1.0,
        "ink_contrast": 0.08,
        "marks_spread": 0.0,
        "inverted": 0.0,
    }


def test_colours_are_counted_until_they_make_nine_tenths() -> None:
    def four_stripes(draw: ImageDraw.ImageDraw) -> None:
        for number in range(4):
            draw.rectangle((number * 64, 0, number * 64 + 63, 255), fill=(number * 60, 0, 0))

    assert measure(with_shapes(four_stripes)).log_colours == pytest.approx(np.log(4))


@pytest.mark.parametrize(("line", "share"), [((0, 128, 256, 128), 1), ((128, 0, 128, 256), 1), ((0, 0, 256, 256), 0)])
def test_edges_are_aligned_when_upright_or_level(line: tuple[int, ...], share: float) -> None:
    image = with_shapes(lambda draw: draw.line(line, fill=BLACK, width=9))
    assert measure(image).axis_aligned == pytest.approx(share, abs=0.05)


def test_a_soft_ramp_is_shaded_and_paper_reaches_only_where_it_is_light() -> None:
    ramp = np.broadcast_to(np.linspace(0, 255, 64)[None, :, None], (64, 64, 3)).astype(np.uint8)
    small = Image.fromarray(ramp).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    steep = measure(small)
    assert (steep.shaded, steep.paper_reach < 0.3) == (0.0, True)  # 1 level a pixel is flat
    repeated = Image.fromarray(np.tile(np.linspace(0, 252, 64).astype(np.uint8), (SIDE, 4))).convert("RGB")
    assert measure(repeated).shaded > 0.8  # 4 levels a pixel are not


def test_marks_are_spread_over_the_cells_they_lie_in() -> None:
    def dots(cells: range) -> Image.Image:
        def draw_dots(draw: ImageDraw.ImageDraw) -> None:
            for x in cells:
                for y in cells:
                    draw.rectangle((x * 32 + 12, y * 32 + 12, x * 32 + 18, y * 32 + 18), fill=BLACK)

        return with_shapes(draw_dots)

    assert measure(dots(range(8))).marks_spread == 1
    assert measure(dots(range(2))).marks_spread == 4 / 64


def test_a_large_shape_is_no_mark() -> None:
    image = with_shapes(lambda draw: draw.rectangle((20, 20, 235, 60), fill=BLACK))
    assert measure(image).marks_spread == 0


def test_white_ink_on_black_is_measured_as_black_on_white() -> None:
    page = toy.draw_page().convert("L").convert("RGB")
    negative = Image.fromarray(255 - np.asarray(page))
    plain, inverted = measure(page), measure(negative)
    assert (plain.inverted, inverted.inverted) == (0, 1)
    assert plain[1:-1] == pytest.approx(inverted[1:-1], abs=0.01)
