"""rare_species.figures.style: files of figures, the same bytes every time."""

import io

import pytest
from PIL import Image

from rare_species.figures import style
from tests.disk import files_no_longer_than
from tests.unit.plots import draw_sheet, png, size


def test_png_does_not_name_the_library_that_drew_it(tmp_path):
    with Image.open(io.BytesIO(png(draw_sheet(2), tmp_path))) as image:
        assert "Software" not in image.info


def test_jpeg_has_the_same_bytes_every_time_and_its_folder_is_made(tmp_path):
    paths = [tmp_path / folder / "sheet.jpg" for folder in ("a", "b")]
    for path in paths:
        style.save_jpeg(draw_sheet(2), path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert size(paths[0].read_bytes()) == (1200, 290)


@pytest.mark.parametrize(("save", "suffix"), [(style.save_jpeg, "jpg"), (style.save_png, "png")])
@pytest.mark.parametrize("share", [0.1, 0.9])
def test_picture_that_does_not_fit_on_the_disk_is_an_error(save, suffix, share, tmp_path):
    whole = tmp_path / f"whole.{suffix}"
    save(draw_sheet(2), whole)
    with files_no_longer_than(int(whole.stat().st_size * share)), pytest.raises(OSError, match="File too large"):
        save(draw_sheet(2), tmp_path / f"cut.{suffix}")
