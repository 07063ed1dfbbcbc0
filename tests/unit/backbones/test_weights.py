"""Where weights are looked for, in which order, and what a person reads when they are not there or not right."""

import hashlib

import keras
import pytest
from keras.src.utils import file_utils

from rare_species.backbones.weights import Download, Packaged, find_weights, is_published
from rare_species.common.checksums import file_digest
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths

CONTENT = b"weights"
URL = "https://storage.example/models/toy_notop.h5"
SOURCES = {
    "md5": Download(URL, hashlib.md5(CONTENT).hexdigest()),
    "sha256": Download(URL, hashlib.sha256(CONTENT).hexdigest()),
    "none": Download(URL, ""),
}


@pytest.fixture
def paths(tmp_path):
    paths = Paths(tmp_path)
    paths.weights.mkdir(parents=True)
    return paths


@pytest.fixture
def fetched(monkeypatch, tmp_path):
    """What is asked of Keras' downloader, which is not run; it answers with a file of `CONTENT`."""
    cached = tmp_path / "cache" / "toy_notop.h5"
    cached.parent.mkdir()
    cached.write_bytes(CONTENT)
    asked = []

    def get_file(**arguments):
        asked.append(arguments)
        return str(cached)

    monkeypatch.setattr(keras.utils, "get_file", get_file)
    return asked


@pytest.fixture
def no_network(monkeypatch):
    def get_file(**_):
        raise Exception(f"URL fetch failure on {URL}: None -- refused")

    monkeypatch.setattr(keras.utils, "get_file", get_file)


@pytest.mark.parametrize("kind", SOURCES)
def test_file_in_the_folder_comes_first(paths, fetched, kind):
    file = paths.weights / "toy_notop.h5"
    file.write_bytes(CONTENT)
    assert find_weights("imagenet", SOURCES[kind], paths) == file
    assert fetched == []


@pytest.mark.parametrize("kind", SOURCES)
def test_then_keras_looks_in_its_cache_and_downloads_and_checks(paths, fetched, tmp_path, kind):
    (paths.weights / "other_notop.h5").write_bytes(CONTENT)
    source = SOURCES[kind]
    assert find_weights("imagenet", source, paths) == tmp_path / "cache" / "toy_notop.h5"
    (asked,) = fetched
    assert asked == {
        "fname": "toy_notop.h5",
        "origin": URL,
        "cache_subdir": "models",
        "file_hash": source.digest or None,
    }


def test_copies_of_a_file_with_a_common_name_have_one_of_their_own(paths, fetched):
    source = Download(URL, "", "clear.h5")
    find_weights("imagenet", source, paths)
    assert [asked["fname"] for asked in fetched] == ["clear.h5"]
    (paths.weights / "toy_notop.h5").write_bytes(CONTENT)
    (paths.weights / "clear.h5").write_bytes(CONTENT)
    assert find_weights("imagenet", source, paths) == paths.weights / "clear.h5"


def test_keras_own_cache_is_used_without_a_network(paths, monkeypatch, tmp_path):
    monkeypatch.setattr(file_utils.config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(file_utils, "urlretrieve", lambda *_: pytest.fail("downloaded"))
    cached = tmp_path / "models" / "toy_notop.h5"
    cached.parent.mkdir()
    cached.write_bytes(CONTENT)
    assert find_weights("imagenet", SOURCES["md5"], paths) == cached


@pytest.mark.usefixtures("no_network")
def test_failed_download_names_the_file_the_folder_and_the_offline_choice(paths):
    with pytest.raises(UserError) as caught:
        find_weights("imagenet", SOURCES["md5"], paths)
    message = str(caught.value)
    assert message.startswith(f"Expected to download {URL}. Received: URL fetch failure")
    assert f"put it into {paths.weights}/ as toy_notop.h5" in message
    assert "dvc exp run -S model.weights=PATH" in message
    assert "model.name=efficientnetlite0" in message
    assert "model.weights=none" in message


@pytest.mark.parametrize("kind", ["md5", "sha256"])
@pytest.mark.parametrize("named", [False, True])
def test_damaged_file_under_its_published_name_is_refused(paths, fetched, kind, named):
    file, source = paths.weights / "toy_notop.h5", SOURCES[kind]
    file.write_bytes(CONTENT[:-1])
    with pytest.raises(UserError) as caught:
        find_weights(str(file) if named else "imagenet", source, paths)
    message = str(caught.value)
    assert message.startswith(f"{file} must have the digest that Keras publishes, {source.digest}. Received: ")
    assert getattr(hashlib, kind)(CONTENT[:-1]).hexdigest() in message
    assert f"Fetch it again from {URL}, or give another file another name." in message
    assert fetched == []


def test_file_under_another_name_is_taken_as_it_is(paths):
    file = paths.weights / "mine.h5"
    file.write_bytes(b"trained further")
    assert find_weights(str(file), SOURCES["md5"], paths) == file
    assert not is_published(file, SOURCES["md5"])


def test_published_file_is_known_under_any_name(paths):
    file = paths.weights / "renamed.h5"
    file.write_bytes(CONTENT)
    assert is_published(file, SOURCES["md5"])
    assert is_published(file, SOURCES["sha256"])
    assert not is_published(file, SOURCES["none"])


@pytest.mark.parametrize("source", [SOURCES["md5"], Packaged()])
@pytest.mark.parametrize("choice", ["no/such/file.h5", "imagnet", "."])
def test_file_that_is_not_there_is_named_with_the_other_choices(source, choice):
    with pytest.raises(UserError) as caught:
        find_weights(choice, source, Paths())
    assert repr(choice) in str(caught.value)
    assert "must be imagenet, none or the path of a weights file" in str(caught.value)
    assert "dvc exp run -S model.weights=" in str(caught.value)


def test_weights_of_lite0_are_those_of_the_package(paths):
    file = find_weights("imagenet", Packaged(), paths)
    assert file_digest(file) == Packaged().digest
    assert is_published(file, Packaged())
