"""The report and DVC's pages in a real browser: charts drawn, images loaded, nothing to complain about."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

from tests import toy
from tests.e2e import vega
from tests.e2e.repository import Repo, command_environment
from tests.unit.report_run import write_champion

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-gpu", "--disable-quic")
DESKTOP, PHONE = 1280, 360  # widths in pixels
CONTRAST = 4.5  # of text, at the least (WCAG 2, level AA)

# Keeps each chart's view when DVC's page draws it
KEEP_VIEWS = """
window.views = {};
let embed;
Object.defineProperty(window, 'vegaEmbed', {
  set(real) { embed = real; },
  get() { return (place, spec) => (views[place] = embed(place, spec)); },
});
"""
# Marks of each chart's data, without axes and legends, and whether its canvas has any colour; by the chart's name
COUNT_MARKS = """async () => {
  const count = (item) => (item.items || []).reduce((sum, inner) => sum + count(inner),
    item.role === 'mark' && item.marktype !== 'group' ? item.items.length : 0);
  const drawn = {};
  for (const [place, promise] of Object.entries(views)) {
    const { view } = await promise;
    await view.runAsync();
    const canvas = document.querySelector(`${place} canvas`);
    const pixels = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    drawn[place.slice(1)] = { marks: count(view.scenegraph().root), isBlank: new Set(pixels).size < 3 };
  }
  return drawn;
}"""
# Text and background colour of every element that holds text itself
COLOURS = """() => [...document.querySelectorAll('body *')]
  .filter((element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()))
  .map((element) => {
    let behind = element;
    while (getComputedStyle(behind).backgroundColor === 'rgba(0, 0, 0, 0)') behind = behind.parentElement;
    return [element.outerHTML.slice(0, 60), getComputedStyle(element).color, getComputedStyle(behind).backgroundColor];
  })"""


@dataclass
class Visit:
    """An open page.

    Attributes:
        page: as Playwright drives it.
        problems: errors in the console, uncaught exceptions, and requests to anywhere that no test serves.
    """

    page: Page
    problems: list[str] = field(default_factory=list)

    def sizes_of_images(self) -> list[int]:
        """Width of every image in pixels; 0 where it did not load."""
        widths: list[int] = self.page.evaluate("[...document.images].map((image) => image.naturalWidth)")
        return widths


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip("needs Chromium: make browser")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=program, args=list(QUIET))


@pytest.fixture(scope="module")
def vega_scripts() -> dict[str, bytes]:
    return vega.scripts()


@contextmanager
def visit(
    browser: Browser, file: Path, *, width: int = DESKTOP, colours: str = "light", scripts: Mapping[str, bytes] = {}
) -> Iterator[Visit]:
    """Open a file; of the network there are only these scripts, by address."""
    with browser.new_page(viewport={"width": width, "height": 800}, color_scheme=colours) as page:
        visited = Visit(page)

        def serve(route: Route) -> None:
            address = route.request.url
            if address in scripts:
                route.fulfill(body=scripts[address], content_type="text/javascript")
            else:
                visited.problems.append(f"asks for {address}")
                route.abort()

        page.on("console", lambda message: visited.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: visited.problems.append(str(error)))
        page.route(re.compile("^https?:"), serve)
        page.add_init_script(KEEP_VIEWS)
        page.goto(file.as_uri(), wait_until="load")
        yield visited


@pytest.fixture(scope="module")
def recorded(tmp_path_factory) -> Repo:
    """The recorded run in a repository of its own, and a branch `other` where train predicts what tune does."""
    repo = Repo(tmp_path_factory.mktemp("recorded"), command_environment(tmp_path_factory.mktemp("home")))
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(toy.REPO / name, repo.folder / name)
    for name in ("metrics", "plots"):
        shutil.copytree(toy.REPO / name, repo.folder / name)
    repo.git("init", "--quiet", "--initial-branch", "main")
    repo.git("config", "user.name", "Test")
    repo.git("config", "user.email", "test@example.org")
    repo.dvc("init", "--quiet")
    repo.git("add", ".")
    repo.git("commit", "--quiet", "--message", "Recorded run")
    repo.git("checkout", "--quiet", "-b", "other")
    for stage in ("", "evaluate/"):
        shutil.copytree(repo.folder / f"plots/{stage}tune", repo.folder / f"plots/{stage}train", dirs_exist_ok=True)
    repo.git("add", ".")
    repo.git("commit", "--quiet", "--message", "Another run")
    repo.git("checkout", "--quiet", "main")
    return repo


@pytest.fixture(scope="module")
def report(recorded) -> Path:
    write_champion(recorded.folder)
    page = recorded.folder / "report.html"
    environment = recorded.environment | {"PYTHONPATH": str(toy.REPO)}
    Repo(recorded.folder, environment).run("python", "-m", "rare_species", "report", "--out", str(page))
    return page


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("width", [DESKTOP, PHONE])
def test_report_fits_and_loads_all_it_shows(browser, report, width, colours):
    with visit(browser, report, width=width, colours=colours) as visited:
        assert visited.page.evaluate("document.documentElement.scrollWidth") <= width
        assert len(visited.sizes_of_images()) > 5
        assert min(visited.sizes_of_images()) > 0
        assert visited.problems == []


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_text_of_the_report_stands_out(browser, report, colours):
    with visit(browser, report, colours=colours) as visited:
        found = visited.page.evaluate(COLOURS)
    assert len(found) > 100
    assert [entry for entry in found if contrast(*entry[1:]) < CONTRAST] == []


def test_dark_report_is_dark(browser, report):
    papers = []
    for colours in ("light", "dark"):
        with visit(browser, report, colours=colours) as visited:
            papers.append(luminance(visited.page.evaluate("getComputedStyle(document.body).backgroundColor")))
    assert papers[0] > 0.8
    assert papers[1] < 0.1


@pytest.mark.parametrize(("command", "revisions"), [("show", []), ("diff", ["main", "other"])])
def test_plots_of_dvc_draw_every_chart_and_picture(browser, recorded, vega_scripts, command, revisions):
    folder = recorded.folder / "dvc_plots" / command
    recorded.dvc("plots", command, *revisions, "--out", str(folder))
    with visit(browser, folder / "index.html", scripts=vega_scripts) as visited:
        drawn = visited.page.evaluate(COUNT_MARKS)
        widths, text = visited.sizes_of_images(), visited.page.inner_text("body")
    assert visited.problems == []
    assert {"train_loss", "plots_evaluate_train_plots_sklearn_confusion_json"} <= set(drawn)
    assert {name for name, chart in drawn.items() if not chart["marks"] or chart["isBlank"]} == set()
    assert len(widths) > 10
    assert min(widths) > 0
    assert all(revision in text for revision in revisions)


def contrast(one: str, other: str) -> float:
    """Contrast of two colours as CSS writes them, from 1 to 21 (WCAG 2)."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def luminance(colour: str) -> float:
    """Relative luminance of "rgb(r, g, b)", from 0 to 1."""
    shares = [int(value) / 255 for value in re.findall(r"\d+", colour)[:3]]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
