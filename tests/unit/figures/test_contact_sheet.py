"""rare_species.figures.contact_sheet: photos in rows of six, each with its caption."""

import numpy as np
import pytest

from rare_species.figures import contact_sheet
from tests.unit.plots import PHOTO, check_bytes, draw_sheet, names, png, size


def test_png_has_the_same_bytes_every_time_and_other_bytes_for_other_data(tmp_path):
    check_bytes(draw_sheet, tmp_path)


@pytest.mark.parametrize("name", ["$5 cat$\\{", "$x_$"])
def test_dollars_in_names_are_not_read_as_formulas(name, tmp_path):
    png(contact_sheet.contact_sheet([PHOTO], [name], "sheet"), tmp_path)


@pytest.mark.parametrize(("photos", "rows"), [(0, 1), (1, 1), (6, 1), (7, 2), (36, 6)])
def test_contact_sheet_is_six_photos_wide_and_grows_by_rows(photos, rows, tmp_path):
    assert size(png(draw_sheet(photos), tmp_path)) == (1200, 240 * rows + 50)


def test_contact_sheet_is_as_wide_as_it_is_told(tmp_path):
    assert size(png(contact_sheet.contact_sheet([PHOTO] * 5, names(5), "sheet", columns=4), tmp_path)) == (
        800,
        240 * 2 + 50,
    )


def test_contact_sheet_shows_photos_and_an_empty_frame_for_a_missing_one():
    figure = contact_sheet.contact_sheet([PHOTO, None], ["one", "two"], "a title")
    photo, missing = figure.axes
    np.testing.assert_array_equal(photo.images[0].get_array(), np.asarray(PHOTO))
    assert [axes.get_xlabel() for axes in figure.axes] == ["one", "two"]
    assert [text.get_text() for text in missing.texts] == ["no image"]
    assert not photo.texts
    assert figure.get_suptitle() == "a title"


def test_contact_sheet_wants_a_caption_for_each_photo():
    with pytest.raises(ValueError, match="shorter"):
        contact_sheet.contact_sheet([PHOTO, PHOTO], ["one"], "sheet")
