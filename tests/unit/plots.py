"""Toy figures, and what is checked of every figure: its size and its bytes."""

import io
from pathlib import Path

from PIL import Image

from rare_species.figures import contact_sheet, style

PHOTO = Image.new("RGB", (40, 30), (10, 120, 60))


def names(n):
    return [f"Family{number:03d}idae" for number in range(n)]


def draw_sheet(n):
    return contact_sheet.contact_sheet([PHOTO] * n, names(n), "sheet")


def png(figure, folder):
    style.save_png(figure, folder / "figure.png")
    return (folder / "figure.png").read_bytes()


def size(data):
    with Image.open(io.BytesIO(data)) as image:
        return image.size


def tick_labels(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def check_size(draw, n, size_px, folder):
    """A figure of n entries has this width and height, at 100 pixels per inch."""
    assert size(png(draw(n), folder)) == size_px


def check_bytes(draw, folder):
    """The same bytes every time, other bytes for other data."""
    first, same, other = (png(draw(n), folder) for n in (3, 3, 4))
    assert first == same
    assert first != other


def record_calls(monkeypatch, module, *functions):
    """Calls of figure functions that a module makes, by their names; figures are drawn all the same."""
    calls = {}

    def recorded(draw):
        def record(*args):
            calls.setdefault(draw.__name__, []).append(args)
            return draw(*args)

        return record

    for draw in functions:
        monkeypatch.setattr(module, draw.__name__, recorded(draw))
    return calls


def files(folder: Path):
    return sorted(path.name for path in folder.iterdir())
