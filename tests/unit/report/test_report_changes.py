"""The section of the report that compares with the run of another revision."""

import subprocess
from pathlib import Path

import pytest
import yaml

from rare_species.cli.report import main
from tests.unit.report_run import seal, write_run, write_table

COLUMNS = ("file_path", "family", "predicted", "probability", "true_probability", "true_rank")
RIGHT, WRONG = (0.9, 0.9, 1), (0.9, 0.05, 3)


def write_predictions(root, hits):
    """Twenty photos of each of two families; the first `hits` of all are right."""
    families = [family for family in ("A", "B") for _ in range(20)]
    rows = [
        (f"{number:02}.jpg", family, family, *RIGHT) if number < hits else (f"{number:02}.jpg", family, "C", *WRONG)
        for number, family in enumerate(families)
    ]
    write_table(root / "plots/evaluate/tune/predictions.csv", COLUMNS, rows)
    seal(root)


@pytest.fixture
def committed(tmp_path, monkeypatch):
    """A run in git, of whose 40 test photos 30 are right."""
    root = write_run(tmp_path)
    write_predictions(root, 30)
    monkeypatch.chdir(root)
    for command in ("init -q", "add .", "-c user.name=Test -c user.email=test@example.org commit -qm run"):
        subprocess.run(["git", *command.split()], check=True)
    return root


def report(*arguments: str) -> str:
    assert main([*arguments, "--out", "report.html"]) == 0
    return Path("report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("committed")
def test_same_run_has_no_change():
    page = report("--base", "HEAD")
    assert "No metric regressed." in page
    assert "0 test photos only the run of HEAD gets right, 0 only this one; exact McNemar p = 1." in page
    assert "Families that got" not in page


def test_worse_run_regressed_and_names_the_family(committed):
    write_predictions(committed, 20)
    page = report("--base", "HEAD")
    assert "Regressed: " in page
    assert "10 test photos only the run of HEAD gets right, 0 only this one" in page
    assert "Families that got worse" in page
    assert "10 → 0" in page
    assert "0.67 → 0.00" in page


@pytest.mark.usefixtures("committed")
def test_section_comes_after_the_metrics():
    page = report("--base", "HEAD")
    places = [page.index(f'<section id="{name}"') for name in ("metrics", "changes", "curves")]
    assert places == sorted(places)
    assert 'id="changes"' not in report()


@pytest.mark.parametrize("revision", ["nowhere", "--upload-pack=x"])
def test_unknown_revision_is_one_message(committed, capsys, revision):
    assert main([f"--base={revision}"]) == 1
    assert "Expected a git revision" in capsys.readouterr().err
    assert not (committed / "report.html").exists()


def test_other_test_photos_are_refused(committed, capsys):
    write_predictions(committed, 30)
    file = committed / "plots/evaluate/tune/predictions.csv"
    file.write_text(file.read_text(encoding="utf-8").replace("00.jpg", "x.jpg"), encoding="utf-8")
    seal(committed)
    assert main(["--base", "HEAD"]) == 1
    assert "Expected the same test photos" in capsys.readouterr().err


def test_rules_that_changed_are_told(committed):
    assert "rules of comparison changed" not in report("--base", "HEAD")
    params = committed / "params.yaml"
    document = yaml.safe_load(params.read_text(encoding="utf-8"))
    document["compare"]["macro_f1"]["tolerance"] = 0.5
    params.write_text(yaml.safe_dump(document), encoding="utf-8")
    assert "The rules of comparison changed: compare.macro_f1.tolerance 0.01 -&gt; 0.5." in report("--base", "HEAD")
