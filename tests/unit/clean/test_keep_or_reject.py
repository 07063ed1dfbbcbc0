"""rare_species.clean.keep_or_reject: every file gets one status, for the first reason that holds, in any order."""

import io
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from rare_species.clean.keep_or_reject import (
    build_manifest,
    count_guesses,
    find_documents,
    read_exclusions,
    refuse_too_many,
)
from rare_species.common.csv_tables import LISTING_COLUMNS, MANIFEST_COLUMNS
from rare_species.common.errors import UserError
from rare_species.common.junk import list_files
from rare_species.common.photo_status import Reason
from rare_species.params.clean import CleanParams
from tests import toy

PARAMS = CleanParams(
    exclude=Path("exclude.csv"), min_side_px=16, max_pixels=200_000, documents="reject", max_rejected_fraction=0.5
)
PHYLA = {"felidae": "chordata", "ranidae": "chordata", "apidae": "arthropoda"}
TEXT = b"not a photo"


def photo(seed: int, width: int = 32, height: int = 24) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def blank() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 24), (90, 120, 60)).save(buffer, "PNG")
    return buffer.getvalue()


def page(tint: int = 0) -> bytes:
    """A page of text; another tint, other bytes."""
    buffer = io.BytesIO()
    image = toy.draw_page()
    image.putpixel((0, 0), (tint, 0, 0))
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


def make_listing(labels: list[tuple[str, str]]) -> pd.DataFrame:
    """Rows of a listing from (file path, family)."""
    rows = [(path, PHYLA[family], family, f"{number}00", str(number)) for number, (path, family) in enumerate(labels)]
    return pd.DataFrame(rows, columns=list(LISTING_COLUMNS), dtype=str)


def clean(
    tmp_path: Path,
    files: dict[str, bytes],
    labels: list[tuple[str, str]],
    excluded: tuple[str, ...] = (),
    **changes: str,
) -> pd.DataFrame:
    params = PARAMS.model_copy(update=changes)
    return build_manifest(make_listing(labels), write_files(tmp_path, files), set(excluded), params, workers=1)


def reasons(manifest: pd.DataFrame) -> dict[str, str]:
    """Reason by file path, "" for a kept one; a path listed twice has its reasons joined."""
    assert ((manifest["status"] == "kept") == (manifest["reason"] == "")).all()
    assert set(manifest["status"]) <= {"kept", "rejected"}
    return manifest.groupby("file_path")["reason"].agg("+".join).to_dict()


def test_every_reason_from_one_folder(tmp_path: Path) -> None:
    files = {
        "a.png": photo(0),
        "b.png": photo(0),  # as a.png
        "conflict-1.png": photo(1),
        "conflict-2.png": photo(1),
        "blank.png": blank(),
        "document.png": page(),
        "excluded.png": photo(2),
        "large.png": photo(3, 500, 500),
        "small.png": photo(4, 32, 15),
        "text.png": TEXT,
        "truncated.png": photo(5)[:900],
        "unlisted.png": photo(6),
        "z.png": photo(7),
    }
    labels = [(name, "felidae") for name in files if name not in ("unlisted.png", "conflict-2.png")]
    labels += [("conflict-2.png", "ranidae"), ("missing.png", "felidae")]
    found = reasons(clean(tmp_path, files, labels, excluded=("excluded.png",)))
    assert found == {
        "a.png": "",
        "b.png": "duplicate",
        "blank.png": "blank",
        "conflict-1.png": "conflicting_labels",
        "conflict-2.png": "conflicting_labels",
        "document.png": "document",
        "excluded.png": "excluded",
        "large.png": "too_large",
        "missing.png": "missing",
        "small.png": "too_small",
        "text.png": "unreadable",
        "truncated.png": "truncated",
        "unlisted.png": "unlisted",
        "z.png": "",
    }
    assert set(found.values()) - {""} == set(Reason), "a reason without a case here"


@pytest.mark.parametrize(
    ("data", "label", "excluded", "reason"),
    [
        (None, "felidae", True, Reason.MISSING),
        (photo(1), None, True, Reason.UNLISTED),
        (TEXT, None, False, Reason.UNLISTED),
        (TEXT, "felidae", True, Reason.EXCLUDED),
        (photo(1, 8, 8), "felidae", True, Reason.EXCLUDED),
        (page(), "felidae", True, Reason.EXCLUDED),
        (page(), None, False, Reason.UNLISTED),
        (photo(0), "ranidae", True, Reason.EXCLUDED),  # the same bytes as the kept photo
    ],
)
def test_the_first_reason_that_holds_is_given(
    tmp_path: Path, data: bytes | None, label: str | None, excluded: bool, reason: Reason
) -> None:
    files = {"kept.png": photo(0)} | ({"odd.png": data} if data is not None else {})
    labels = [("kept.png", "felidae")] + ([("odd.png", label)] if label else [])
    found = clean(tmp_path, files, labels, excluded=("odd.png",) if excluded else ())
    assert reasons(found) == {"kept.png": "", "odd.png": reason}


def test_excluding_a_photo_excludes_its_copies_of_the_same_family(tmp_path: Path) -> None:
    files = dict.fromkeys(("a.png", "b.png", "c.png"), photo(0)) | dict.fromkeys(("gone.png", "text.png"), TEXT)
    labels = [("a.png", "felidae"), ("b.png", "felidae"), ("c.png", "ranidae"), ("missing.png", "felidae")]
    found = clean(tmp_path, files, [*labels, ("text.png", "felidae")], excluded=("a.png",))
    assert reasons(found) == {
        "a.png": "excluded",
        "b.png": "excluded",
        "c.png": "",
        "gone.png": "unlisted",
        "missing.png": "missing",
        "text.png": "unreadable",
    }


@pytest.mark.parametrize(
    ("data", "reason"), [(TEXT, "unreadable"), (photo(1)[:900], "truncated"), (photo(1, 8, 8), "too_small")]
)
def test_copies_of_an_unusable_file_are_neither_duplicates_nor_conflicts(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    files = dict.fromkeys(("a.png", "b.png", "c.png"), data)
    found = clean(tmp_path, files, [("a.png", "felidae"), ("b.png", "felidae"), ("c.png", "ranidae")])
    assert reasons(found) == dict.fromkeys(files, reason)


def test_all_copies_are_rejected_when_any_has_another_family(tmp_path: Path) -> None:
    files = dict.fromkeys(("a.png", "b.png", "c.png"), photo(0))
    found = clean(tmp_path, files, [("a.png", "felidae"), ("b.png", "felidae"), ("c.png", "ranidae")])
    assert reasons(found) == dict.fromkeys(files, "conflicting_labels")


def test_excluding_the_wrong_label_settles_a_conflict(tmp_path: Path) -> None:
    files = dict.fromkeys(("a.png", "b.png", "c.png"), photo(0))
    labels = [("a.png", "ranidae"), ("b.png", "felidae"), ("c.png", "felidae")]
    found = clean(tmp_path, files, labels, excluded=("a.png",))
    assert reasons(found) == {"a.png": "excluded", "b.png": "", "c.png": "duplicate"}


def test_one_file_listed_under_two_families_is_a_conflict(tmp_path: Path) -> None:
    found = clean(tmp_path, {"a.png": photo(0)}, [("a.png", "felidae"), ("a.png", "ranidae")])
    assert reasons(found) == {"a.png": "conflicting_labels+conflicting_labels"}


def test_one_file_listed_twice_is_kept_once_whatever_the_order(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.png": photo(0)})
    listing = make_listing([("a.png", "felidae"), ("a.png", "felidae")])  # of two species
    found = build_manifest(listing, tmp_path, set(), PARAMS, workers=1)
    assert list(found["reason"]) == ["", "duplicate"]
    pd.testing.assert_frame_equal(found, build_manifest(listing[::-1], tmp_path, set(), PARAMS, workers=1))


def test_nothing_usable_is_no_crash(tmp_path: Path) -> None:
    assert reasons(clean(tmp_path, {"a.png": TEXT}, [("a.png", "felidae")])) == {"a.png": "unreadable"}


def test_junk_is_passed_over_and_a_listing_of_the_archive_is_a_file(tmp_path: Path) -> None:
    files = {
        ".DS_Store": b"",
        "sub/._b.png": b"",
        "sub/@eaDir/b.png/thumb.png": photo(2),
        "listing.csv": b"",
        "notes.txt": b"",
        "a.png": photo(0),
        "sub/listing.csv": b"",
        "sub/b.png": photo(1),
    }
    found = clean(tmp_path, files, [("a.png", "felidae"), ("sub/b.png", "felidae")])
    assert reasons(found) == {
        "a.png": "",
        "sub/b.png": "",
    }
    assert sorted(list_files(tmp_path)) == ["a.png", "listing.csv", "notes.txt", "sub/b.png", "sub/listing.csv"]


def test_a_link_to_a_file_is_one_and_any_other_link_is_passed_over(tmp_path: Path) -> None:
    write_files(tmp_path / "images", {"sub/a.png": photo(0)})
    for name, target in {"b.png": "sub/a.png", "folder": "sub", "broken.png": "gone.png"}.items():
        (tmp_path / "images" / name).symlink_to(tmp_path / "images" / target)
    assert sorted(list_files(tmp_path / "images")) == ["b.png", "sub/a.png"]


def test_a_row_holds_the_label_and_what_the_file_is(tmp_path: Path) -> None:
    found = clean(tmp_path, {"sub/a.jpg": photo(0)}, [("sub/a.jpg", "felidae"), ("gone.jpg", "apidae")])
    assert tuple(found.columns) == MANIFEST_COLUMNS
    gone, there = found.to_dict("records")
    assert there | {"sha256": "", "phash": ""} == {
        "file_path": "sub/a.jpg",
        "phylum": "chordata",
        "family": "felidae",
        "species": "000",
        "content_id": "0",
        "status": "kept",
        "reason": "",
        "format": "PNG",
        "extension_matches": False,
        "mode": "RGB",
        "guess": "",
        "orientation": 1,
        "width": 32,
        "height": 24,
        "bytes": len(photo(0)),
        "sha256": "",
        "phash": "",
        "document_score": there["document_score"],
    }
    assert there["document_score"] < 0.5
    assert pd.isna(gone["document_score"])
    assert (len(there["sha256"]), len(there["phash"])) == (64, 16)
    assert (gone["family"], gone["bytes"], gone["sha256"], gone["phash"]) == ("apidae", 0, "", "")


def test_kept_photos_that_are_read_by_a_guess_are_counted_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    grey = np.random.default_rng(0).integers(0, 256, (24, 32)).astype(np.uint16)
    pictures = {
        "hidden.png": Image.merge("LA", [Image.fromarray(grey.astype(np.uint8)), Image.new("L", (32, 24))]),
        "little-1.png": Image.fromarray(grey + 7000),
        "little-2.png": Image.fromarray(grey),
        "little-3.png": Image.fromarray(grey),
        "whole.png": Image.fromarray(grey * 257),
    }
    for name, picture in pictures.items():
        picture.save(tmp_path / name)
    found = clean(tmp_path, {}, [(name, "felidae") for name in [*pictures, "missing.png"]], documents="keep")
    assert found["guess"].tolist() == ["opaque", *["stretched"] * 3, "", ""]
    assert count_guesses(found) == {"stretched": 2, "opaque": 1}  # one is a copy
    assert "photos that fill little of the range of their numbers, stretched from black to white: 2" in caplog.text
    assert "photos hidden by their own alpha, which is ignored: 1, first hidden.png" in caplog.text


def test_an_unlisted_file_has_empty_labels(tmp_path: Path) -> None:
    row = clean(tmp_path, {"a.png": photo(0), "b.png": photo(1)}, [("a.png", "felidae")]).iloc[1]
    assert (row["file_path"], row["family"], row["species"], row["content_id"]) == ("b.png", "", "", "")


def test_neither_row_order_nor_workers_matter(tmp_path: Path) -> None:
    files = {f"{number:02d}.png": photo(number % 30) for number in range(34)}  # two chunks of work, four copies
    files["07.png"] = page()
    write_files(tmp_path, files)
    listing = make_listing([(name, "felidae") for name in files])
    alone = build_manifest(listing, tmp_path, {"05.png"}, PARAMS, workers=1)
    together = build_manifest(listing.sample(frac=1, random_state=0), tmp_path, {"05.png"}, PARAMS, workers=2)
    pd.testing.assert_frame_equal(alone, together)
    assert list(alone["file_path"]) == sorted(files)
    assert list(alone.loc[alone["reason"] == "duplicate", "file_path"]) == [f"{number}.png" for number in range(30, 34)]


def test_excluding_what_the_archive_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"Received 2 that it does not have, first '\.\\\\b\.png'.* as in 'a\.png'"):
        clean(tmp_path, {"a.png": photo(0)}, [("a.png", "felidae")], excluded=("a.png", ".\\b.png", "c.png"))


@pytest.mark.parametrize(
    "spelling", ["cat\\\u00f1.png", "./cat/\u00f1.png", "Cat/\u00f1.PNG", "cat/n\u0303.png", "cat//\u00f1.png"]
)
def test_exclusions_are_spelt_as_freely_as_the_metadata(
    tmp_path: Path, spelling: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    labels = [("a.png", "felidae"), ("cat/\u00f1.png", "felidae")]
    found = clean(tmp_path, {name: photo(seed) for seed, (name, _) in enumerate(labels)}, labels, (spelling,))
    assert reasons(found) == {"a.png": "", "cat/\u00f1.png": "excluded"}
    respelt = "exclude.csv: paths spelt otherwise than their files: 1, first" in caplog.text
    assert respelt == (spelling.replace("\\", "/").replace("./", "").replace("//", "/") != "cat/\u00f1.png")


def test_a_photo_may_be_excluded_in_two_spellings(tmp_path: Path) -> None:
    found = clean(tmp_path, {"a.png": photo(0)}, [("a.png", "felidae")], excluded=("a.png", "A.png"))
    assert reasons(found) == {"a.png": "excluded"}


def test_exclusions_are_the_paths_of_a_csv(tmp_path: Path) -> None:
    (tmp_path / "exclude.csv").write_text("file_path,why\na.png,blurred\n", encoding="utf-8")
    assert read_exclusions(tmp_path / "exclude.csv") == {"a.png"}


def test_empty_rows_of_a_spreadsheet_exclude_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    (tmp_path / "exclude.csv").write_text("file_path,why\n,\na.png,blurred\n,\n,dark\n", encoding="utf-8")
    assert read_exclusions(tmp_path / "exclude.csv") == {"a.png", ""}  # a reason without a path is a mistake
    assert "empty rows passed over: 2" in caplog.text


@pytest.mark.parametrize(
    ("table", "advice"),
    [
        ("file_path;why\na.png;blurred\n", "Save it again with commas."),
        ("file_path;why\na.png;blurred, dark\n", "Save it again with commas."),
        ("File Path,why\na.png,blurred\n", "Rename 'File Path' to 'file_path'."),
    ],
)
def test_exclusions_in_another_shape_get_advice(tmp_path: Path, table: str, advice: str) -> None:
    (tmp_path / "exclude.csv").write_text(table, encoding="utf-8")
    with pytest.raises(UserError, match=f"must have the columns file_path. Received: .*{advice}"):
        read_exclusions(tmp_path / "exclude.csv")


# --- documents

DOCUMENTS = {"a.png": photo(0), "b.png": page(), "c.png": page(1), "d.png": page(1)}
LABELS = [(name, "felidae") for name in DOCUMENTS]


def test_documents_are_rejected_and_their_copies_with_them(tmp_path: Path) -> None:
    found = clean(tmp_path, DOCUMENTS, LABELS, documents="reject")
    assert reasons(found) == {"a.png": "", "b.png": "document", "c.png": "document", "d.png": "document"}
    assert list(find_documents(found)["file_path"]) == ["b.png", "c.png", "d.png"]


def test_flagged_documents_are_kept_with_their_score(tmp_path: Path) -> None:
    flagged = clean(tmp_path, DOCUMENTS, LABELS, documents="flag")
    assert reasons(flagged) == {"a.png": "", "b.png": "", "c.png": "", "d.png": "duplicate"}
    assert list(flagged["document_score"] >= 0.5) == [False, True, True, True]
    assert list(find_documents(flagged)["file_path"]) == ["b.png", "c.png"]


def test_nobody_looks_for_documents_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flagged = clean(tmp_path, DOCUMENTS, LABELS, documents="flag")
    monkeypatch.setattr("rare_species.clean.keep_or_reject.document_score", lambda _: pytest.fail("looked"))
    kept = clean(tmp_path, DOCUMENTS, LABELS, documents="keep")
    assert kept["document_score"].isna().all()
    pd.testing.assert_frame_equal(kept.drop(columns="document_score"), flagged.drop(columns="document_score"))


def test_the_likeliest_document_is_first() -> None:
    manifest = pd.DataFrame(
        {
            "file_path": ["a", "b", "c", "d", "e", "f"],
            "reason": ["", "", "document", "duplicate", "", ""],
            "document_score": [0.5, 0.499, 0.9, 0.9, 0.5, None],
        }
    )
    assert list(find_documents(manifest)["file_path"]) == ["c", "a", "e"]


# --- refuse_too_many


def judged(rejected: dict[str, int], kept: int) -> pd.DataFrame:
    why = [reason for reason, count in rejected.items() for _ in range(count)] + [""] * kept
    status = ["rejected" if reason else "kept" for reason in why]
    return pd.DataFrame({"file_path": [f"{n}.jpg" for n in range(len(why))], "status": status, "reason": why})


@pytest.mark.parametrize(
    ("rejected", "kept", "limit"), [(0, 5, 0), (1, 9, 0.1), (29, 71, 0.29), (7, 93, 0.07), (9, 1, 1), (1, 2, 1 / 3)]
)
def test_up_to_the_limit_is_accepted(rejected: int, kept: int, limit: float) -> None:
    refuse_too_many(judged({"missing": rejected}, kept), limit)


@pytest.mark.parametrize(("rejected", "kept", "limit"), [(1, 9, 0.099), (2, 8, 0.1), (1, 999, 0), (5, 0, 1)])
def test_above_the_limit_or_without_a_kept_photo_is_refused(rejected: int, kept: int, limit: float) -> None:
    with pytest.raises(UserError, match=f"Received: {rejected} of {rejected + kept}"):
        refuse_too_many(judged({"missing": rejected}, kept), limit)


def test_photos_excluded_by_hand_do_not_count() -> None:
    refuse_too_many(judged({"excluded": 50, "missing": 1}, kept=9), 0.1)
    with pytest.raises(UserError, match="Received: 1 of 10"):
        refuse_too_many(judged({"excluded": 50, "missing": 1}, kept=9), 0.09)
    with pytest.raises(UserError, match=r"all are named in the file of clean\.exclude"):
        refuse_too_many(judged({"excluded": 3}, kept=0), 1)


def test_the_refusal_names_the_three_worst_reasons_and_the_parameter() -> None:
    counts = {"unlisted": 2, "missing": 1, "truncated": 4, "too_small": 3}
    with pytest.raises(UserError) as error:
        refuse_too_many(judged(counts, kept=10), 0.25)
    message = str(error.value)
    assert "at most 0.25 of" in message
    assert "10 of 20 (truncated 4, too_small 3, unlisted 2; for instance 0.jpg)" in message
    assert "dvc exp run -S clean.max_rejected_fraction=" in message
    assert "missing" not in message
