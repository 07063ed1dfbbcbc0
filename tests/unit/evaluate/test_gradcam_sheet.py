"""The sheet of a candidate's surest mistakes, each beside what spoke for them."""

import keras
import numpy as np
import pandas as pd
import pytest

from rare_species.evaluate import gradcam_sheet
from rare_species.evaluate.measured_classifier import MeasuredClassifier
from rare_species.figures import contact_sheet as contact_sheets
from rare_species.fitting.heads import build_head
from rare_species.networks.assembly import assemble, average_probabilities
from tests.unit.predictions import make_predictions, probable
from tests.unit.tf_fixtures import HEAD, SIDE_PX, small_backbone


@pytest.fixture
def candidate(packed):
    return MeasuredClassifier("train", make_predictions(packed).of_test(), packed, pd.DataFrame())


@pytest.fixture(params=[[], ["Arthropoda", "Chordata"]], ids=["image", "image and phylum"])
def explained(request):
    """A model and the phyla it is conditioned on."""
    phyla = request.param
    keras.utils.set_random_seed(1)  # of other weights none may speak for the class
    head = average_probabilities([build_head(6 + len(phyla), 3, HEAD)])
    return assemble(SIDE_PX, [small_backbone(), head], len(phyla)), phyla


def test_every_mistake_is_shown_beside_its_explanation(candidate, explained, tmp_path, monkeypatch):
    sheets = []

    def contact_sheet(photos, captions, title, columns, draw=contact_sheets.contact_sheet):
        sheets.append((photos, captions, title))
        return draw(photos, captions, title, columns)

    monkeypatch.setattr(gradcam_sheet, "contact_sheet", contact_sheet)
    gradcam_sheet.draw_explanations(candidate, *explained, tmp_path / "explanations.jpg", 2)
    ((photos, captions, title),) = sheets
    assert captions == [
        "Ranidae\nas Felidae 0.95",
        "what spoke for it",
        "Ranidae\nas Felidae 0.70",
        "what spoke for it",
    ]
    assert title == "train: what spoke for the 2 surest mistakes (Grad-CAM)"
    assert {photo.size for photo in photos} == {(SIDE_PX, SIDE_PX)}
    for plain, laid_over in ((0, 1), (2, 3)):
        assert (np.asarray(photos[plain]) != np.asarray(photos[laid_over])).any()
    assert (tmp_path / "explanations.jpg").is_file()


def test_a_perfect_model_has_nothing_to_explain(candidate, tmp_path, monkeypatch):
    spoken = []
    monkeypatch.setattr(gradcam_sheet, "legible", spoken.extend)
    labels = candidate.predictions.labels["test"]
    perfect = make_predictions(candidate.packed, test=probable(labels, [0.9] * 6))
    nothing = MeasuredClassifier("train", perfect, candidate.packed, candidate.properties)
    gradcam_sheet.draw_explanations(nothing, None, [], tmp_path / "explanations.jpg", 2)
    assert (tmp_path / "explanations.jpg").is_file()
    assert spoken == candidate.predictions.families.tolist()  # other pictures show their names
