"""Names in letters that matplotlib's own font lacks, with and without another font that has them."""

import io
import logging
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib import font_manager
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from rare_species.evaluate import figures
from rare_species.figures import bars, contact_sheet, fonts
from tests.toy import REPO

OWN = ["sans-serif"]


def draw_font(path, name, letters):
    """A font whose every letter is a square."""
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for corner in ((100, 700), (800, 700), (800, 0)):
        pen.lineTo(corner)
    pen.closePath()
    glyphs = [".notdef", *(f"u{ord(letter):04X}" for letter in letters)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({ord(letter): f"u{ord(letter):04X}" for letter in letters})
    builder.setupGlyf(dict.fromkeys(glyphs, pen.glyph()))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


@pytest.fixture(autouse=True)
def only_fonts_of_matplotlib(monkeypatch):
    """The machine's own fonts do not count, and nothing was said yet."""
    shipped = [font for font in font_manager.fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", shipped)
    for cached in (fonts._find_fonts, fonts._say):
        cached.cache_clear()
    yield
    font_manager.fontManager._findfont_cached.cache_clear()


@pytest.fixture
def installed(tmp_path):
    """Fonts with Han and with Kana and one of the Han letters."""
    for name, letters in (("Some Han", "日本猫"), ("Some Kana", "ネコ猫")):
        font_manager.fontManager.addfont(draw_font(tmp_path / f"{name}.ttf", name, letters))


def test_latin_greek_and_cyrillic_need_no_other_font(monkeypatch):
    monkeypatch.setattr(fonts, "_find_fonts", None)  # no font is looked at
    texts = ["Felidae (3)", "Ähnlich\nas Кошка 0.50", "γάτα $x$"]
    assert fonts.legible(texts) == (texts, OWN)


@pytest.mark.usefixtures("installed")
def test_fonts_that_have_the_letters_are_used_and_named_once(caplog):
    for _ in range(2):
        assert fonts.legible(["日本", "Felidae"]) == (["日本", "Felidae"], [*OWN, "Some Han"])
    assert fonts.legible(["日本ネコ"]) == (["日本ネコ"], [*OWN, "Some Han", "Some Kana"])
    assert caplog.messages == [f"some names are drawn with the font Some {name}" for name in ("Han", "Kana")]


def test_letters_that_no_font_has_are_code_points_which_is_said_once(caplog):
    for texts in (["日本 (3)", "猫a犬"], ["日"]):
        shown, families = fonts.legible(texts)
        assert families == OWN
    assert fonts.legible(["日本 (3)", "猫a犬\nas \x1b"])[0] == ["[65E5 672C] (3)", "[732B]a[72AC]\nas [001B]"]
    assert shown == ["[65E5]"]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "fonts-noto-cjk" in record.getMessage()


def drawn_texts(figure):
    """What is in the picture; a letter without a glyph is a warning, and so an error here."""
    FigureCanvasAgg(figure).draw()
    return {text.get_text() for text in figure.findobj(Text)}


FIGURES = {
    "sheet": lambda names: contact_sheet.contact_sheet([None] * len(names), names, "title"),
    "confusion": lambda names: figures.confusion_matrix(np.eye(len(names), dtype=int), names, "title"),
    "counts": lambda names: bars.family_counts(pd.DataFrame({"kept": 1}, index=names), "title"),
    "scores": lambda names: figures.f1_by_family(pd.DataFrame({"family": names, "f1": 0.5, "images": 1}), "title"),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("has_font", [True, False])
def test_no_picture_has_boxes_for_letters(request, name, has_font):
    if has_font:
        request.getfixturevalue("installed")
    texts = drawn_texts(FIGURES[name](["日本", "Felidae"]))
    suffix = " (1)" if name == "scores" else ""
    assert {("日本" if has_font else "[65E5 672C]") + suffix, "Felidae" + suffix} <= texts


@pytest.mark.parametrize("name", FIGURES)
def test_pictures_of_latin_names_are_the_same_bytes_with_other_fonts(request, name):
    pictures = []
    for fixture in ("only_fonts_of_matplotlib", "installed"):
        request.getfixturevalue(fixture)
        figure, buffer = FIGURES[name](["Felidae", "Ähnlich"]), io.BytesIO()
        FigureCanvasAgg(figure).print_png(buffer)
        pictures.append(buffer.getvalue())
    assert pictures[0] == pictures[1]


DRAWN_BESIDE = """
from rare_species.figures.fonts import legible
from rare_species.parallel.pools import process_beside
if __name__ == "__main__":
    with process_beside() as beside:
        print(*beside.submit(legible, [chr(0x10FFFD)]).result()[0])
        if {here}:
            legible([chr(0x10FFFD)])
"""


@pytest.mark.parametrize("here", [True, False])
def test_fonts_are_told_by_the_process_that_knows_all_names_alone(tmp_path, here):
    (tmp_path / "draw.py").write_text(DRAWN_BESIDE.format(here=here))
    command = [sys.executable, "draw.py"]
    environment = os.environ | {"PYTHONPATH": str(REPO)}
    said = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert said.stderr.count("no font here has all letters") == here
