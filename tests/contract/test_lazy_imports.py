"""What must answer at once does not load TensorFlow, nor rembg unless it is chosen: each costs seconds."""

import os
import subprocess
import sys
from pathlib import Path

from tests import toy

LIGHT = (
    "__main__",
    "backbones.registry",
    "backbones.printed_table",
    "backbones.weights",
    "clean.keep_or_reject",
    "clean.figures",
    "clean.document_detector",
    "cli.apply",
    "cli.backbones",
    "cli.compare",
    "cli.export",
    "cli.predict",
    "cli.split_gap",
    "cli.summary",
    "cli.treatments",
    "common.command_line",
    "common.atomic_replace",
    "common.system_errors",
    "layouts.spreadsheet_ids",
    "common.junk",
    "common.locking",
    "common.read_params",
    "common.stage_runner",
    "common.csv_tables",
    "compare.judge",
    "compare.paired",
    "compare.runs",
    "compare.output_formats",
    "data.phylum_encoding",
    "data.shards",
    "evaluate.champion_file",
    "evaluate.figures",
    "evaluate.confidence_intervals",
    "figures.bars",
    "figures.contact_sheet",
    "figures.style",
    "images.decode",
    "images.fit_to_square",
    "images.inspect_image",
    "metrics.auc",
    "metrics.photo_outcomes",
    "metrics.registry",
    "metrics.family_tables",
    "networks.tensorflow_start",
    "parallel.pools",
    "parallel.worker",
    "params.all_sections",
    "predict.answers",
    "predict.photo_files",
    "preprocess.figures",
    "split.assign",
    "split.figures",
    "split.groups",
    "split.held_out_species",
    "tracking.live",
    "treatments.registry",
    "treatments.remove_background",
    "tune.figures",
    "layouts.tabulate_labels",
    "unzip.unpack",
    "layouts.parse_metadata_csv",
    "unzip.safe_zip",
)
ASK_FOR_HELP = """
import contextlib, importlib, io, sys
NETWORKS = {"tensorflow", "keras", "keras_hub", "rembg", "onnxruntime"}
for name in sys.argv[1:]:
    module = importlib.import_module(name)
    if name.startswith("stages."):
        with contextlib.redirect_stdout(io.StringIO()) as text, contextlib.suppress(SystemExit):
            module.main(["--help"])
        assert f"python -m {name}" in text.getvalue()
    assert not NETWORKS & set(sys.modules), f"{name} loads a network's library"
"""
RUN = """
import importlib, sys
NETWORKS = {"tensorflow", "keras", "keras_hub", "rembg", "onnxruntime"}
for name in sys.argv[1:]:
    assert importlib.import_module(f"stages.{name}").main([]) == 0
    assert not NETWORKS & set(sys.modules), f"{name} loads a network's library"
"""


def run_python(code: str, *arguments: str, folder: Path) -> None:
    """Run code in a Python of its own, started in a folder; it must end well."""
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(toy.REPO)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr


def test_help_and_light_modules_load_no_network(tmp_path):
    names = [*(f"rare_species.{name}" for name in LIGHT), *(f"stages.{name}" for name in toy.STAGES)]
    run_python(ASK_FOR_HELP, *names, folder=tmp_path)


def test_data_stages_run_without_a_network(tmp_path):
    run_python(RUN, *toy.STAGES[:4], folder=toy.write_project(tmp_path))
