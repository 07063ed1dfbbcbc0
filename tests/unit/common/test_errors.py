"""rare_species.common.errors: what an error about a photo says, wherever it was raised."""

import pickle

from rare_species.common.errors import PhotoError


def test_a_photo_error_is_one_line() -> None:
    assert "a\\nclean: all good: not" in str(PhotoError("a\nclean: all good", "not an image"))


def test_a_photo_error_survives_its_way_out_of_a_worker() -> None:
    error = pickle.loads(pickle.dumps(PhotoError("a.jpg", "not an image")))
    assert (error.path, error.problem) == ("a.jpg", "not an image")
    assert str(error).startswith("Expected a photo that can be read. Received: a.jpg: not an image.")
