"""The page about the last run: what it says, what it leaves out, and that it needs nothing else."""

import base64
import errno
import io
import itertools
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml
from PIL import Image

from rare_species.cli.report import main
from rare_species.common.paths import Paths
from rare_species.common.staged_files import read_json, write_json
from rare_species.params.tune import TuneParams, with_parameters
from rare_species.report import sentences as say
from rare_species.report.embedded_pictures import MAX_WIDTH_PX, inline_picture
from rare_species.report.last_run import read_last_run
from rare_species.report.page import render_page
from tests.toy import REPO
from tests.unit.report_run import FAMILIES, FAMILY_COLUMNS, HOSTILE, METADATA, scores, seal, write_picture, write_run

FAMILY_HEADER, PAIRS = ",".join(FAMILY_COLUMNS), "family,predicted,images,same_phylum"


class Page(HTMLParser):
    """What the tests ask of a page.

    Attributes:
        tags: name and attributes of each, in order.
        text: all of it that is shown.
    """

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, name: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.tags if tag == name]

    def sections(self) -> list[str]:
        return [attributes["id"] for attributes in self.all("section")]


@pytest.fixture
def root(tmp_path):
    return write_run(tmp_path)


@pytest.fixture
def here(root, monkeypatch):
    monkeypatch.chdir(root)
    return root


def page_of(root) -> Page:
    return Page(render_page(read_last_run(Paths(root))))


ALL = ["data", "model", "metrics", "curves", "confusion", "families", "calibration", "selection", "errors"]


def test_sections_are_in_order_and_each_is_linked(root):
    page = page_of(root)
    assert page.sections() == [*ALL, "explanations"]
    assert [link["href"] for link in page.all("a")] == [f"#{name}" for name in page.sections()]


def test_headline_is_the_champions_with_intervals_and_chance(root):
    text = page_of(root).text
    assert "Test accuracy 0.625 (0.500–0.750)" in text
    # 3 families; the largest has 6 of 10 test photos: precision 0.6, recall 1, F1 0.75 for one of three
    assert "chance 0.333; always naming the largest family 0.600" in text
    assert "always naming the largest family 0.250" in text


def test_data_card_counts(root):
    text = page_of(root).text
    for said in (
        "mine.zip",
        "133 photos: 3 families, 2 phyla, 5 species",
        "130 kept, 3 rejected (1 of them without a label)",
        "24 to 80",
        "not stated",
        "too small",
    ):
        assert said in text
    assert "duplicate" not in text.partition("Rejected")[2].partition("Model")[0]  # none of them


def test_data_card_tells_of_species_held_out(root):
    file = root / "metrics/split.json"
    measured = {"images": 7, "species": 3, "families": 1}
    assert "only in test" not in page_of(root).text
    write_json(file, read_json(file) | {"held_out_species": measured})
    seal(root)
    assert re.search(r"grouped: [^\n]*; 3 species of 1 family only in test \(7 photos\)", page_of(root).text)


def test_model_card_says_what_was_trained_and_how(root):
    text = page_of(root).text
    for said in (
        "efficientnetlite0, 1,280 features",
        "Apache-2.0",
        "ImageNet-1k",
        "7 kept of at most 40",
        "256; dropout 0.4",
        "adamw, learning rate 0.0001",
        "temperature 1.500",
        "It knows 3 families",
        "Overfitted: macro F1 is 1.000 on training",
    ):
        assert said in text


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"head": {"units": [], "dropout": 0}}, "none: a linear classifier; dropout 0"),
        ({"head": {"units": [], "dropout": []}}, "none: a linear classifier; dropout none"),
        ({"head": {"units": [512, 64], "dropout": [0.5, 0.25]}}, "512 → 64; dropout 0.5 → 0.25"),
        (
            {"fine_tune": {"epochs": 5, "layer_groups": "all", "learning_rate": 0.001}},
            "7 kept of at most 45",
        ),
        ({"members": 5}, "5 members"),
    ],
)
def test_model_card_follows_the_parameters(root, parameters, said):
    write_json(root / "models/champion/metadata.json", METADATA | {"params": METADATA["params"] | parameters})
    seal(root)
    assert said in page_of(root).text


def test_model_card_shows_whatever_the_search_of_the_report_finds(root):
    wanted = yaml.safe_load((REPO / "experiments/report_hyperband.yaml").read_text(encoding="utf-8"))["tune"]
    tune = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))["tune"]
    base = tune["base"] | wanted["base"]
    base |= {name: tune["base"][name] | wanted["base"][name] for name in ("head", "optimizer", "schedule")}
    params = TuneParams.model_validate(tune | wanted | {"base": base})
    found = {parameter: distribution.examples()[-1] for parameter, distribution in params.space.items()}
    parameters = with_parameters(params.base, found).model_dump(mode="json") | {"seed": 0}  # as stage tune records them
    write_json(root / "models/champion/metadata.json", METADATA | {"params": parameters})
    seal(root)
    assert "1024 → 512; dropout 0.6 → 0.5" in page_of(root).text


def test_family_that_is_never_sure_is_said_to_be_never_answered(root):
    calibration = METADATA["calibration"] | {"family_threshold": None}
    write_json(root / "models/champion/metadata.json", METADATA | {"calibration": calibration})
    evaluation = read_json(root / "metrics/evaluate.json")
    evaluation["tune"]["selective"] |= {"threshold": None}
    evaluation["tune"]["selective"]["test"] |= {"answered": 0.0, "precision": 1.0}
    write_json(root / "metrics/evaluate.json", evaluation)
    seal(root)
    text = page_of(root).text
    assert "temperature 1.500; the family is never answered" in text
    assert "The family is never answered: on validation photos no probability gave a precision of 0.90." in text
    assert "Everywhere only the phylum is." in text
    assert "Of the test photos, the phylum is right for 50" in text
    assert "with a precision of" not in text
    assert "None" not in text


def test_precision_of_no_answers_is_not_told():
    found = scores(1, 1, 1)
    found["selective"]["test"] |= {"answered": 0.0, "precision": 1.0}
    assert "names the family of 0\N{NO-BREAK SPACE}% of the test photos." in say.describe_selection(found)[0]


def test_model_card_of_a_network_from_scratch_has_no_weights(root):
    unset = dict.fromkeys(("weights_file_sha256", "weights_sha256", "licence", "pretrained_on"), "")
    backbone = {"name": "cnn", "weights": "none", "feature_size": 0, "layer_groups": 0}
    write_json(root / "models/champion/metadata.json", METADATA | {"backbone": backbone | unset})
    seal(root)
    text = page_of(root).text
    assert "trained from scratch" in text
    assert "Pretrained on" not in text
    assert "Hidden layers" not in text


def test_names_are_escaped(root):
    source = render_page(read_last_run(Paths(root)))
    assert "<Felidae>" not in source
    assert HOSTILE in Page(source).text


def test_page_needs_nothing_else(root):
    source = render_page(read_last_run(Paths(root)))
    page = Page(source)
    assert not page.all("script")
    assert not page.all("link")
    assert page.all("img")
    assert all(image["src"].startswith("data:image/webp;base64,") for image in page.all("img"))
    assert not re.findall(r"https?://|url\(", re.sub(r"data:[^\"]*", "", source))


def test_page_is_accessible(root):
    page = page_of(root)
    assert page.all("html") == [{"lang": "en"}]
    assert all(image["alt"].strip() for image in page.all("img"))
    assert all(heading["scope"] in ("col", "row") for heading in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(names)) == len(names)


def test_same_run_gives_the_same_page(root, tmp_path_factory):
    again = write_run(tmp_path_factory.mktemp("again"))
    assert render_page(read_last_run(Paths(root))) == render_page(read_last_run(Paths(again)))


def test_models_that_are_not_there_are_left_out_as_in_a_fresh_clone(root):
    shutil.rmtree(root / "models")
    page = page_of(root)
    assert "models/champion is not there" in page.text
    assert "None" not in page.text


def test_candidate_that_was_not_tuned_is_not_missed(root):
    evaluation = read_json(root / "metrics/evaluate.json")
    del evaluation["train"]
    write_json(root / "metrics/evaluate.json", evaluation)
    seal(root)
    assert "Macro F1 of the candidates" not in page_of(root).text


def test_pictures_that_a_stage_did_not_draw_are_left_out(root):
    shutil.rmtree(root / "plots/tune")
    (root / "plots/evaluate/tune/phyla.png").unlink()
    assert "curves" in Page(render_page(read_last_run(Paths(write_run(root))))).sections()
    (root / "plots/tune/curves.png").unlink()
    seal(root)
    assert "curves" not in page_of(root).sections()


def test_pairs_without_phyla_have_no_column_for_them(root):
    file = root / "plots/evaluate/tune/pairs.csv"
    file.write_text("family,predicted,images,same_phylum\nRanidae,Formicidae,1,\n", encoding="utf-8")
    seal(root)
    assert "same phylum" not in page_of(root).text


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ({"families_without_test": 2}, "2 families have no test photo"),
        ({"leaked_pairs": 1}, "1 pair of photos of one burst"),
        ({"leaked_pairs": None}, "Some content ids can't be used, so some bursts may lie in two splits unnoticed"),
        ({"leaked_pairs": None}, "unknown: some content ids can't be used"),
    ],
)
def test_limits_name_what_splitting_could_not_do(root, measured, said):
    file = root / "metrics/split.json"
    assert said not in page_of(root).text
    write_json(file, read_json(file) | measured)
    seal(root)
    assert said in page_of(root).text


def test_worst_families_are_named_first():
    run = [dict(zip(FAMILY_COLUMNS, map(str, row), strict=True)) for row in FAMILIES]
    named, few = say._describe_families(run)
    assert named.index("Formicidae (F1 0.00, 2 test photos)") < named.index("Ranidae (F1 0.57")
    assert few.startswith("2 families have only one or two test photos")


@pytest.mark.parametrize(("val", "where"), [(0.92, "inside"), (0.93, "outside")])
def test_limits_say_whether_the_test_interval_holds_validation(val, where):
    assert f"lies {where} the 95 % interval of macro F1 on test photos (0.675–0.925)" in say.describe_luck(
        scores(1, val, 0.8)
    )


def test_temperature_of_one_is_not_called_a_change():
    found = scores(1, 1, 1)
    assert "0.125 without it and 0.062 with it" in say.describe_calibration(found)[0]
    found["calibration"]["temperature"] = 1
    said = say.describe_calibration(found)[0]
    assert "No temperature lowered the champion's loss on validation photos without raising the calibration" in said
    assert "they stay as they are" in said


def test_selection_says_nothing_of_phyla_that_are_not_known():
    found = scores(1, 1, 1)
    assert "elsewhere only the phylum is" in say.describe_selection(found)[0]
    del found["selective"]["test"]["phylum_precision"]
    assert "elsewhere nothing is" in say.describe_selection(found)[0]
    assert not any("the phylum" in sentence for sentence in say.describe_selection(found))


@pytest.mark.parametrize(
    ("key", "name"), [("macro_f1", "macro F1"), ("macro_auc", "macro AUC"), ("top5_accuracy", "top-5 accuracy")]
)
def test_metric_names(key, name):
    assert say.metric_name(key) == name


def test_pictures_are_no_wider_than_the_page(tmp_path):
    write_picture(tmp_path / "wide.jpg", (2 * MAX_WIDTH_PX, 100))
    picture = inline_picture(tmp_path / "wide.jpg")
    assert (picture.width, picture.height, picture.is_chart) == (MAX_WIDTH_PX, 50, False)
    assert decoded(picture).size == (MAX_WIDTH_PX, 50)


def test_charts_lose_nothing(tmp_path):
    write_picture(tmp_path / "chart.png", (60, 40))
    picture = inline_picture(tmp_path / "chart.png")
    assert picture.is_chart
    assert decoded(picture).convert("RGB").getcolors() == [(60 * 40, (40, 90, 140))]


def decoded(picture):
    return Image.open(io.BytesIO(base64.b64decode(picture.uri.partition(",")[2])))


def test_command_writes_the_page(here):
    assert main(["--out", "new/page.html"]) == 0
    assert "mine.zip" in (here / "new/page.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("metrics/evaluate.json", None, "Run the pipeline first: make repro"),
        ("metrics/evaluate.json", "{", "Expected metrics/evaluate.json to be what its stage writes. Received: Invalid"),
        ("metrics/evaluate.json", "[" * 5000, "Received: Invalid JSON: recursion limit exceeded"),
        ("metrics/evaluate.json", '{"champion": "tune"}', "Received: champion is tune, of which there are no metrics"),
        ("metrics/split.json", '{"leaked_pairs": -1}', "Expected metrics/split.json to be what its stage writes."),
        ("metrics/clean.json", "[]", "Expected metrics/clean.json to be what its stage writes."),
        ("metrics/unzip.json", None, "Expected metrics/unzip.json. Received: no such file."),
        ("models/champion/metadata.json", "{}", "Expected models/champion/metadata.json to be what its stage writes."),
        (
            "plots/evaluate/tune/pairs.csv",
            "family\n",
            "plots/evaluate/tune/pairs.csv must have the columns family, pred",
        ),
        (
            "plots/evaluate/tune/pairs.csv",
            f"{PAIRS}\na,b,many,\n",
            "Expected a whole number in every row of column images in",
        ),
        (
            "plots/evaluate/tune/families.csv",
            f"{FAMILY_HEADER}\na,,1,1,1,1,1.5,\n",
            "Expected a number from 0 to 1 in every row of",
        ),
        ("plots/tune/curves.png", "text", "Expected a picture in plots/tune/curves.png"),
        ("params.yaml", None, "Expected params.yaml"),
    ],
)
def test_mistakes_are_one_message_and_no_page(here, capsys, file, content, message):
    (here / file).unlink()
    if content is not None:
        (here / file).write_text(content, encoding="utf-8")
        seal(here)
    assert main([]) == 1
    assert message in capsys.readouterr().err
    assert not (here / "report.html").exists()


@pytest.mark.parametrize("damage", [Path.unlink, lambda file: file.write_bytes(file.read_bytes()[:-9])])
@pytest.mark.parametrize(
    "file",
    [
        "metrics/clean.json",
        "metrics/evaluate.json",
        "metrics/split.json",
        "models/champion/classes.json",
        "models/champion/metadata.json",
        "models/champion/model.keras",
        "models/champion/SHA256SUMS",
        "plots/evaluate/SHA256SUMS",
        "plots/evaluate/tune/families.csv",
        "plots/evaluate/tune/families.png",
        "plots/evaluate/tune/pairs.csv",
        "plots/preprocess/train.jpg",
        "plots/tune/curves.png",
    ],
)
def test_what_is_not_as_its_stage_wrote_it_is_one_message_and_no_page(here, capsys, file, damage):
    damage(here / file)
    assert main([]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert Path(file).name in said
    assert not (here / "report.html").exists()


def test_champion_of_another_run_is_refused(here, capsys):
    write_json(here / "models/champion/metadata.json", METADATA | {"champion": "train"})
    seal(here)
    assert main([]) == 1
    assert "Expected models/champion to be the champion of metrics/evaluate.json, tune" in capsys.readouterr().err


@pytest.mark.parametrize("out", ["plots", "new.folder", "page"])
def test_out_that_is_no_file_is_one_message_and_stays(here, capsys, out):
    (here / "new.folder").mkdir()
    before = sorted(here.rglob("*"))
    assert main(["--out", out]) == 1
    assert capsys.readouterr().err.startswith(
        f"report: Expected --out to name a file, such as report.html. Received: {out}"
    )
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize(("error", "code"), [(OSError(errno.ENOSPC, "full"), 1), (KeyboardInterrupt(), 130)])
def test_old_page_stays_when_the_new_one_cannot_be_written(here, monkeypatch, error, code):
    (here / "report.html").write_text("old", encoding="utf-8")

    def write_half(path, text, **_):
        path.write_bytes(text[:100].encode())
        raise error

    monkeypatch.setattr("pathlib.Path.write_text", write_half)
    assert main([]) == code
    assert (here / "report.html").read_bytes() == b"old"
    assert [path.name for path in here.glob("report*")] == ["report.html"]


def test_command_does_not_import_tensorflow():
    code = "import sys, rare_species.cli.report; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPO, check=False).returncode == 0
