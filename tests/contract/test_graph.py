"""dvc.yaml says what the code does: dependencies, params, outputs, metrics and plots."""

import ast
import dataclasses
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from rare_species.common.paths import Paths
from rare_species.common.stage_runner import READS
from rare_species.evaluate.figures import FIGURES
from rare_species.metrics.registry import EPOCH_METRICS
from rare_species.params.all_sections import SECTIONS
from tests.contract.imports import dependency, imported_packages, library_imports
from tests.toy import REPO, STAGES

PACKAGES = "requirements.txt"
MOST_CODE, MOST_LINES = 12, 300  # entries of a stage that are code; lines of dvc.yaml
# Packages that compute photos or numbers. pandas and Pillow are left out, because unzip imports them too: for tables of
# text and for the names of colours.
SHAPING = {
    "imagehash",
    "keras",
    "matplotlib",
    "numpy",
    "onnxruntime",
    "optuna",
    "rembg",
    "scipy",
    "sklearn",
    "tensorflow",
}
GRAPH = yaml.safe_load((REPO / "dvc.yaml").read_text(encoding="utf-8"))


def outs(stage: str) -> dict[str, dict[str, Any]]:
    """A stage's outputs with their settings."""
    entries = (entry if isinstance(entry, dict) else {entry: {}} for entry in GRAPH["stages"][stage]["outs"])
    return {path: settings for entry in entries for path, settings in entry.items()}


ALL_OUTS = {path: settings for stage in STAGES for path, settings in outs(stage).items()}


def run_function(stage: str) -> ast.FunctionDef:
    tree = ast.parse((REPO / "stages" / f"{stage}.py").read_text(encoding="utf-8"))
    return next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")


def place(expression: ast.AST, stage: str) -> set[str]:
    """What an expression names: `paths.images` data/images, `paths.root / parameters.archive` ${unzip.archive}."""
    if isinstance(expression, ast.BinOp) and ast.unparse(expression.left) == "paths.root":
        return {f"${{{stage}.{ast.unparse(expression.right).rpartition('.')[2]}}}"}
    text = ast.unparse(expression)
    if text == "paths.candidates":
        return {str(folder) for folder in Paths().candidates}
    return {str(eval(text, {"paths": Paths()}))} if text != "paths.root" else set()  # the expression is our own code


def written(stage: str) -> set[str]:
    """What `run` hands to `staged`."""
    calls = [node for node in ast.walk(run_function(stage)) if isinstance(node, ast.Call)]
    (staged,) = [call for call in calls if ast.unparse(call.func) == "staged"]
    return set().union(*(place(argument, stage) for argument in staged.args))


def read(stage: str) -> set[str]:
    """What `run` takes from `paths` elsewhere."""
    found: set[str] = set()
    waiting: list[ast.AST] = [run_function(stage)]
    while waiting:
        node = waiting.pop()
        text = ast.unparse(node)
        below_root = isinstance(node, ast.BinOp) and text.startswith("paths.root / ")
        if below_root or (isinstance(node, ast.Attribute | ast.Call) and text.startswith("paths.")):
            found |= place(node, stage)
        elif not (isinstance(node, ast.Call) and ast.unparse(node.func) == "staged"):
            waiting.extend(ast.iter_child_nodes(node))
    return found


def test_stages_are_those_of_the_house():
    assert tuple(GRAPH["stages"]) == STAGES
    assert {path.stem for path in (REPO / "stages").glob("*.py")} == {*STAGES, "__init__"}


@pytest.mark.parametrize("stage", STAGES)
def test_deps_are_data_script_and_imported_packages(stage):
    unfinished = {str(Paths().checkpoints), str(Paths().searches)}  # only the stage that wrote them reads them
    places = read(stage) - unfinished
    data = {next((out for out in ALL_OUTS if Path(path).is_relative_to(out)), path) for path in places}
    script = f"stages/{stage}.py"
    imported = library_imports(REPO / script)
    code = {script} | {dependency(file) for file in imported}
    packages = {PACKAGES} if SHAPING & imported_packages({script} | imported) else set()
    assert set(GRAPH["stages"][stage]["deps"]) == data | code | packages
    assert len(code) <= MOST_CODE


def test_the_graph_fits_on_a_few_screens():
    assert len((REPO / "dvc.yaml").read_text(encoding="utf-8").splitlines()) < MOST_LINES


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_depends_on_its_own_sections_of_params_alone(stage):
    """A new parameter of train runs train again, and not unzip."""
    sections = {dep.stem for dep in map(Path, GRAPH["stages"][stage]["deps"]) if "params" in dep.parts}
    assert sections & set(SECTIONS) == set(GRAPH["stages"][stage]["params"])


def test_stages_know_whose_outputs_they_read():
    deps = {stage: set(GRAPH["stages"][stage]["deps"]) for stage in STAGES}
    assert {stage: set(read) for stage, read in READS.items()} == {
        stage: {other for other in STAGES if deps[stage] & set(outs(other))} for stage in STAGES
    }


@pytest.mark.parametrize("stage", STAGES)
def test_all_but_unzip_run_again_with_other_packages(stage):
    """What unzip writes is bytes of the archive and tables of text."""
    assert (PACKAGES in GRAPH["stages"][stage]["deps"]) == (stage != "unzip")


def test_packages_that_shape_outputs_are_pinned():
    pinned = {line.split("==")[0].lower() for line in (REPO / PACKAGES).read_text(encoding="utf-8").splitlines()}
    names = {"sklearn": "scikit-learn"}
    assert {names.get(package, package) for package in SHAPING} <= pinned


@pytest.mark.parametrize("package", ["rare_species", "stages"])
def test_package_files_import_nothing_of_the_project(package):
    assert not library_imports(REPO / package / "__init__.py")


@pytest.mark.parametrize("module", ["stages.unzip", "stages.train", "rare_species predict"])
def test_an_interrupt_while_modules_are_imported_is_no_traceback(module, tmp_path):
    (tmp_path / "numpy.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)", encoding="utf-8")
    (tmp_path / "pandas.py").write_text("import numpy", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPO)])}
    command = [sys.executable, "-m", *module.split(), "--help"]
    ended = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (-signal.SIGINT, b"")


@pytest.mark.parametrize("stage", STAGES)
def test_params_are_the_sections_it_loads(stage):
    sections = [field.name for field in dataclasses.fields(importlib.import_module(f"stages.{stage}").Params)]
    assert GRAPH["stages"][stage]["params"] == sections


@pytest.mark.parametrize("stage", STAGES)
def test_outs_are_what_it_writes(stage):
    assert set(outs(stage)) == written(stage)


@pytest.mark.parametrize("stage", STAGES)
def test_command_and_description(stage):
    assert GRAPH["stages"][stage]["cmd"] == f"python -m stages.{stage}"
    assert GRAPH["stages"][stage]["desc"]


@pytest.mark.parametrize(("out", "settings"), ALL_OUTS.items())
def test_only_metrics_and_plots_are_left_to_git(out, settings):
    in_git = out.split("/")[0] in {"metrics", "plots"}
    assert settings == ({"cache": False} if in_git else {})


def test_git_ignores_what_dvc_caches_and_nothing_else(tmp_path):
    (tmp_path / ".gitignore").write_bytes((REPO / ".gitignore").read_bytes())
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    names = [f"{out}/file" if not Path(out).suffix else out for out in ALL_OUTS]
    command = ["git", "-C", tmp_path, "check-ignore", *names]
    ignored = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
    cached = [settings == {} for settings in ALL_OUTS.values()]
    assert ignored == [name for name, is_cached in zip(names, cached, strict=True) if is_cached]


def test_every_metrics_file_is_declared_once():
    files = [out for out in ALL_OUTS if out.startswith("metrics/")]
    assert GRAPH["metrics"] == files
    assert len(files) == len(STAGES)


def plotted_files() -> set[str]:
    """Files that the plots section draws from."""
    files: set[str] = set()
    for entry in GRAPH["plots"]:
        ((name, settings),) = entry.items() if isinstance(entry, dict) else [(entry, {})]
        sources = settings.get("y")
        files |= set(sources) if isinstance(sources, dict) else {name}
    return files


def test_plots_are_drawn_from_outs_in_git():
    folders = [out for out, settings in ALL_OUTS.items() if settings == {"cache": False}]
    outside = {file for file in plotted_files() if not any(Path(file).is_relative_to(out) for out in folders)}
    assert not outside


@pytest.mark.parametrize("model", ["train", "tune"])
def test_every_picture_of_evaluate_is_plotted(model):
    assert {f"plots/evaluate/{model}/{name}" for name in FIGURES} <= plotted_files()


@pytest.mark.parametrize("model", ["train", "tune"])
def test_every_curve_of_a_fit_is_plotted(model):
    curves = {f"{split}/{name}.tsv" for split in ("train", "val") for name in EPOCH_METRICS}
    assert {f"plots/{model}/plots/metrics/{curve}" for curve in curves} <= plotted_files()


def test_dvcignore_leaves_out_bytecode():
    assert "__pycache__/" in (REPO / ".dvcignore").read_text(encoding="utf-8").splitlines()
