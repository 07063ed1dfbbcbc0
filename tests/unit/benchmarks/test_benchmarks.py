"""benchmarks: sides take turns, ratios are of one round, and a benchmark that fails does not lose the others."""

import zipfile
from collections import Counter
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest
import yaml

from benchmarks import photos, run
from benchmarks.campaign.project import OTHER, SMALL
from benchmarks.report import Row, describe_machine, describe_versions, in_one_line, print_rows, read_rows, render
from benchmarks.scale import beyond_line
from benchmarks.timing import Turns, take_turns, timed
from rare_species.params.all_sections import SECTIONS
from rare_species.sample.rows import make_rows
from tests.toy import REPO
from tests.unit.listings import read_metadata


@pytest.mark.parametrize("changes", [SMALL, OTHER], ids=["small", "other"])
def test_the_campaign_sets_parameters_that_exist(changes):
    whole = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
    for section, values in changes.items():
        SECTIONS[section].model_validate(whole[section] | values)


def test_sides_take_turns_and_the_warm_up_does_not_count():
    called = []
    numbers = count(1)

    def side(name):
        return lambda: called.append(name) or float(next(numbers))

    turns = take_turns({"a": side("a"), "b": side("b")}, rounds=2, warm_up=1)
    assert called == ["a", "b"] * 3
    assert turns.seconds == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_a_call_is_timed_per_item():
    ticks = iter([10.0, 16.0])
    assert timed(lambda: None, items=3, clock=lambda: next(ticks))() == 2.0


def test_a_speed_is_the_median_of_ratios_within_rounds():
    turns = Turns({"ours": [1.0, 2.0, 4.0], "other": [3.0, 8.0, 8.0]})
    assert turns.median("ours") == 2.0
    speed = turns.speed("ours", "other")
    assert (speed.median, speed.low, speed.high) == (3.0, 2.0, 4.0)
    assert str(speed) == "3.00× (2.00–4.00)"
    assert turns.speed("ours", "other", by=0.5).median == 6.0


def test_the_table_has_a_line_per_row_with_its_command(capsys):
    row = Row("a | b", "c", "≥ 3×", "3.1×")
    noted = replace(row, note="busy")
    text = render("Title.", [(row, "python -m benchmarks.x")])
    assert text.splitlines()[-1] == r"| a \| b | c | ≥ 3× | 3.1× |  | `python -m benchmarks.x` |"
    assert f"Machine: {describe_machine()}" in text
    assert f"Versions: {describe_versions()}" in text
    assert print_rows([row, noted]) == 0
    line = "a | b, against c: 3.1×; wanted: ≥ 3×"
    assert capsys.readouterr().out == f"{line}\n{line} (busy)\n"


def test_rows_that_were_written_are_read_again_where_they_were_measured():
    rows = [(Row("a | b", "c", "≥ 3×", "3.1×"), "python -m benchmarks.x")]
    rows.append((Row("d", "e", "≤ 2 s", "1 s", "busy"), "python -m benchmarks.y"))
    text = render("Title.", rows)
    assert read_rows(text) == rows
    assert read_rows(text.replace(describe_machine(), "another machine")) == []


@pytest.mark.parametrize(("error", "text"), [(ValueError("a\n  b"), "a b"), (KeyError(), "KeyError")])
def test_a_reason_fits_into_a_cell(error, text):
    assert in_one_line(error) == text
    assert len(in_one_line(ValueError("long " * 100))) == 160


def test_a_benchmark_that_fails_has_its_reason_in_the_table(tmp_path, monkeypatch):
    good = Row("good", "bad", "≥ 1×", "2×")
    broken = run.Benchmark("no_such_module")
    assert [row.measured for row in broken.measure()] == ["failed: No module named 'benchmarks.no_such_module'"]
    answers = {"clean": [Row("clean", "–", "–", "failed: no disk")], "tuner": [good]}
    monkeypatch.setattr(run.Benchmark, "measure", lambda benchmark: answers[benchmark.name])
    file = tmp_path / "results.md"
    clean, tuner = run.Benchmark("clean"), run.Benchmark("tuner")
    assert run.write_results([clean, tuner], file) == 1
    assert "failed: no disk" in file.read_text()
    assert "| good | bad | ≥ 1× | 2× |  | `python -m benchmarks.tuner` |" in file.read_text()
    assert run.write_results([tuner], file) == 0


def test_rows_of_benchmarks_that_are_not_run_stay_in_their_order(tmp_path, monkeypatch):
    file, rounds = tmp_path / "results.md", count(1)
    monkeypatch.setattr(run.Benchmark, "measure", lambda each: [Row(each.name, "–", "–", f"round {next(rounds)}")])
    run.write_results([run.Benchmark(name) for name in ("tuner", "embed", "clean")], file)
    run.write_results([run.Benchmark("embed")], file)
    found = [(row.what, row.measured) for row, _ in read_rows(file.read_text())]
    assert found == [("clean", "round 3"), ("embed", "round 4"), ("tuner", "round 1")]


def test_names_that_are_no_benchmarks_are_refused(capsys):
    with pytest.raises(SystemExit):
        run.main(["preproces"])
    assert "expected names of benchmarks: preprocess, " in capsys.readouterr().err


def test_time_is_compared_with_the_line_through_the_two_smallest():
    assert beyond_line([10.0, 20.0, 50.0], [1000, 2000, 5000]) == pytest.approx(1.0)
    assert beyond_line([10.0, 20.0, 100.0], [1000, 2000, 5000]) == pytest.approx(2.0)


def test_an_archive_has_all_families_whatever_its_size(tmp_path, monkeypatch):
    for name, value in {"FOLDER": tmp_path, "FULL_SCALE": 160, "SMALL_SIDES_PX": (32, 32)}.items():
        monkeypatch.setattr(photos, name, value)
    rows = make_rows(0, 160)
    found = {count: photos_in(photos.archive_of(count, None)) for count in (80, len(rows), 2 * len(rows))}
    assert set(found[len(rows)]) == {row.file_path for row in rows}
    assert len(found[2 * len(rows)]) == 2 * len(rows)
    assert len(set(found[2 * len(rows)].values())) == 2 * len(rows)  # no photo comes again
    assert 80 <= len(found[80]) <= 100
    for files in found.values():
        families = Counter(Path(name).parent.name for name in files)
        assert len(families) == len({row.family for row in rows})
        assert min(families.values()) >= 2


def photos_in(archive):
    """Their bytes by their paths in the archive's folder."""
    with zipfile.ZipFile(archive) as opened:
        names = [name for name in opened.namelist() if name.endswith(".jpg")]
        assert read_metadata(opened.read("sample/metadata.csv"), "metadata.csv")["file_path"].nunique() == len(names)
        return {name.partition("/")[2]: opened.read(name) for name in names}
