"""The examples of docs/extending.md, put into a copy of the library: one entry each, and everything else follows."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.pages import blocks_of
from tests.toy import REPO

# The first line of each table, and the line that closes it
TABLES = {
    "rare_species/backbones/registry.py": ("_ENTRIES = (", ")"),
    "rare_species/metrics/registry.py": ("METRICS: tuple[Metric, ...] = (", ")"),
    "rare_species/evaluate/figures.py": ("FIGURES: Mapping", "}"),
}
BEFORE_IN_YAML = "  jpeg_quality:"
CHECKS = {
    "treatment": """
from PIL import Image
from rare_species.common.read_params import load_params
from rare_species.report.treatment_panel import available_treatments
from rare_species.cli.treatments import Params
from pathlib import Path
params = load_params(Path("params.yaml"), Params).preprocess
treated = available_treatments(params)["posterize"](Image.linear_gradient("L").convert("RGB"))
assert len(treated.convert("L").getcolors()) == 8
assert params.recipe("posterize") == {"name": "posterize", "bits": 3}
""",
    "metric": """
import numpy as np
from sklearn.metrics import matthews_corrcoef
from rare_species.evaluate.metrics_file import _check_metrics
from rare_species.metrics.photo_outcomes import outcomes
from rare_species.metrics.registry import compute_metrics, sample_metrics
rng = np.random.default_rng(0)
labels, probabilities = rng.integers(0, 4, 50), rng.dirichlet(np.ones(4), 50).astype(np.float32)
measured = compute_metrics(labels, probabilities, 2)
assert np.isclose(measured["mcc"], matthews_corrcoef(labels, probabilities.argmax(axis=1)))
assert sample_metrics(outcomes(labels, probabilities), np.ones((3, 50)), 2)["mcc"].shape == (3,)
assert _check_metrics(measured | {"mcc": -0.5})
""",
    "layout": """
import json
from pathlib import Path
from types import SimpleNamespace
from rare_species.layouts.layout import Archive
from rare_species.layouts.registry import read_labels
from rare_species.params.unzip import UnzipParams
listed = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "categories": [{"id": 7, "name": "felidae"}, {"id": 8, "name": "apidae"}],
    "annotations": [{"image_id": 1, "category_id": 7}, {"image_id": 2, "category_id": 8}],
}
names = ["set/annotations.json", "set/a.jpg", "set/b.jpg"]
archive = Archive(Path("z.zip"), names, lambda _: json.dumps(listed).encode())
for layout in ("auto", "coco"):
    found = read_labels(archive, layout, SimpleNamespace(class_folder="auto", merge_spellings=False))
    assert found.listing["family"].tolist() == ["felidae", "apidae"] and found.folder == "set"
assert "coco" in str(UnzipParams.model_json_schema())
""",
    "backbone": """
from rare_species.backbones.registry import REGISTRY
from rare_species.backbones.printed_table import registry_table
from rare_species.params.model import ModelParams
assert ModelParams(name="efficientnetv2m", weights="none", inputs=("image",)).name in REGISTRY
assert "efficientnetv2m" in registry_table()
import sys
assert "keras" not in sys.modules
""",
    "plot": """
import pandas as pd
from types import SimpleNamespace
from rare_species.evaluate.figures import FIGURES
figure = FIGURES["f1_histogram.png"](SimpleNamespace(name="train", families=pd.DataFrame({"f1": [0.5, 1.0]})), None)
assert figure.axes[0].get_xlim()[1] >= 1
""",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the library with all examples of the page."""
    folder = tmp_path_factory.mktemp("extended")
    for name in ("rare_species", "tests"):
        shutil.copytree(REPO / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("params.yaml", "pyproject.toml"):
        shutil.copy(REPO / name, folder)
    for block in blocks_of(REPO / "docs/extending.md"):
        if block.goes_to:
            put(folder, *block.goes_to, "\n".join(block.lines))
    return folder


def put(folder: Path, kind: str, name: str, example: str) -> None:
    """Write a file, or put code before a table and an entry at its end."""
    file = folder / name
    if kind == "file":
        assert not file.exists()
        file.write_text(f"{example}\n", encoding="utf-8")
        return
    lines = file.read_text(encoding="utf-8").splitlines()
    if file.suffix == ".yaml":
        place = next(number for number, line in enumerate(lines) if line.startswith(BEFORE_IN_YAML))
    else:
        first, last = TABLES[name]
        start = next(number for number, line in enumerate(lines) if line.startswith(first))
        place = start if kind == "code" else lines.index(last, start)
    if kind == "entry":
        example = textwrap.indent(f"{example.strip()},", "    ")
    elif file.suffix == ".py":
        example += "\n\n"
    lines[place:place] = example.split("\n")
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_examples_touch_one_file_of_the_library_each() -> None:
    places = [block.goes_to for block in blocks_of(REPO / "docs/extending.md") if block.goes_to]
    assert len({name for _, name in places if name.startswith("rare_species/")}) == len(CHECKS)
    assert {name for _, name in places if not name.startswith("rare_species/")} == {"params.yaml"}


@pytest.mark.parametrize("thing", CHECKS)
def test_example_is_all_that_it_takes(extended: Path, thing: str) -> None:
    run_python(extended, "-c", CHECKS[thing])


def run_python(folder: Path, *arguments: str) -> None:
    """Run Python in a folder; it must end well."""
    command = [sys.executable, *arguments]
    result = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_examples_pass_the_checks_of_style(extended: Path) -> None:
    run_python(extended, "-m", "ruff", "check", "rare_species")
    run_python(extended, "-m", "ruff", "format", "--check", "rare_species")


def test_tests_that_there_are_pass_with_the_examples(extended: Path) -> None:
    figures = "evaluate/test_write_outputs.py::test_every_table_and_figure_is_written_with_the_same_bytes_every_time"
    places = ("metrics", "treatments/test_treatments.py", "layouts", "evaluate/test_confidence_intervals.py", figures)
    run_python(
        extended, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", *(f"tests/unit/{place}" for place in places)
    )
