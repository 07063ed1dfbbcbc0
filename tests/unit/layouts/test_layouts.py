"""rare_species.unzip.unpack: the same rows from metadata.csv and folder names, one error for each mistake."""

import csv
import logging
import unicodedata
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.common.csv_tables import LISTING_COLUMNS
from rare_species.common.errors import UserError
from rare_species.common.image_formats import IMAGE_SUFFIXES
from rare_species.layouts.layout import Archive, Labels
from rare_species.layouts.registry import read_labels
from rare_species.params.unzip import UnzipParams
from rare_species.unzip.unpack import unpack as unpack_all
from tests.unit.listings import read_metadata

ROOMY = {"max_files": 100, "max_bytes": 10**6, "max_ratio": 100}
PARAMETERS = {"archive": "-", "class_folder": "auto", "merge_spellings": False, "name_encoding": "auto", **ROOMY}
HEADER = "rare_species_id,eol_content_id,eol_page_id,kingdom,phylum,family,file_path"
CAT = "75fd,7,900,animalia,chordata,felidae,chordata_felidae/7_900_eol-full-size-copy.jpg"
CLAM = "28c5,12,449,animalia,mollusca,unionidae,mollusca_unionidae/12_449_eol-full-size-copy.jpg"
CAT_ROW = ("chordata_felidae/7_900_eol-full-size-copy.jpg", "chordata", "felidae", "900", "7")
CLAM_ROW = ("mollusca_unionidae/12_449_eol-full-size-copy.jpg", "mollusca", "unionidae", "449", "12")


def metadata(*lines: str) -> bytes:
    return "\n".join(lines).encode()


def rows(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    assert tuple(frame.columns) == LISTING_COLUMNS
    assert all(isinstance(dtype, pd.StringDtype) for dtype in frame.dtypes)
    assert not frame.isna().any(axis=None)
    return list(frame.itertuples(index=False, name=None))


def labels(names: Iterable[str], layout: str = "auto") -> list[tuple[str, ...]]:
    return [row[:3] for row in rows(read(names, layout).listing)]


def read(names: Iterable[str], layout: str, data: bytes = b"") -> Labels:
    """The labels of an archive whose files hold these bytes."""
    options = UnzipParams.model_validate(PARAMETERS | {"layout": layout})
    return read_labels(Archive(Path("photos.zip"), list(names), lambda _: data), layout, options)


def refuse_metadata(data: bytes) -> str:
    with pytest.raises(UserError) as error:
        read_metadata(data, "list.csv")
    return str(error.value)


def make_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def landed(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def unpack(path: Path, destination: Path, **parameters: object) -> pd.DataFrame:
    return unpack_all(
        path, destination, UnzipParams.model_validate({"layout": "auto"} | PARAMETERS | parameters)
    ).listing


# --- metadata.csv


def test_metadata_of_the_real_shape() -> None:
    frame = read_metadata(metadata(HEADER, CLAM, CAT), "list.csv")
    assert rows(frame) == [CAT_ROW, CLAM_ROW]
    assert list(frame.index) == [0, 1]


def test_metadata_with_the_required_columns_only() -> None:
    frame = read_metadata(metadata("file_path,family", "a.jpg,felidae"), "list.csv")
    assert rows(frame) == [("a.jpg", "", "felidae", "", "")]


def test_byte_order_mark_crlf_spaces_and_blank_lines() -> None:
    data = b"\xef\xbb\xbffamily , file_path\r\n felidae,  cats/a.jpg \r\n\r\n"
    assert rows(read_metadata(data, "list.csv")) == [("cats/a.jpg", "", "felidae", "", "")]


def test_cells_that_look_like_numbers_or_missing_values_stay_text() -> None:
    frame = read_metadata(metadata("family,file_path,eol_page_id", "NA,a.jpg,007", "1e5,b.jpg,"), "list.csv")
    assert rows(frame) == [("a.jpg", "", "NA", "7", ""), ("b.jpg", "", "1e5", "", "")]


@pytest.mark.parametrize("path", ["./cats/a.jpg", "cats\\a.jpg", ".\\cats\\a.jpg", "cats//a.jpg"])
def test_file_path_in_another_spelling(path: str) -> None:
    assert rows(read_metadata(metadata("family,file_path", f"felidae,{path}"), "list.csv"))[0][0] == "cats/a.jpg"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../a.jpg", "leads out of its folder"),
        ("cats\\..\\a.jpg", "leads out of its folder"),
        ("/a.jpg", "is an absolute path"),
        ("C:\\a.jpg", "is an absolute path"),
        ("\\\\server\\share\\a.jpg", "is an absolute path"),
        ("a\0.jpg", "has a control character"),
    ],
)
def test_file_path_that_leads_elsewhere(path: str, problem: str) -> None:
    message = refuse_metadata(metadata("family,file_path", "felidae,b.jpg", f"felidae,{path}"))
    assert f"Received: file_path {path!r}, which {problem}" in message
    assert "on line 3" in message


@pytest.mark.parametrize(
    ("header", "missing"),
    [
        ("file_path,species", "Add family to"),
        ("family,path", "Add file_path to"),
        ("a-b", "Add family and file_path to"),
    ],
)
def test_missing_column(header: str, missing: str) -> None:
    message = refuse_metadata(metadata(header, "x,y"))
    assert missing in message
    assert f"Received: {', '.join(map(repr, header.split(',')))}." in message


def test_column_twice() -> None:
    message = refuse_metadata(metadata("family,file_path,family", "felidae,a.jpg,canidae"))
    assert "Received: 'family', 'file_path', 'family'. Rename or remove the second." in message


def test_empty_columns_are_no_column_twice() -> None:
    frame = read_metadata(metadata("family,file_path,,", "felidae,a.jpg,,"), "list.csv")
    assert frame["family"].tolist() == ["felidae"]


def test_empty_file() -> None:
    assert "Received: nothing." in refuse_metadata(b"")


def test_no_rows() -> None:
    assert "must list at least one image. Received: no rows." in refuse_metadata(metadata(HEADER, "", ""))


@pytest.mark.parametrize("data", ["family,file_path\nfelidae,é.jpg".encode("latin-1"), "family".encode("utf-16")])
def test_not_utf8(data: bytes) -> None:
    assert "list.csv must be a comma-separated table in UTF-8. Received: 'utf-8' codec" in refuse_metadata(data)


def test_not_a_csv() -> None:
    assert "comma-separated table in UTF-8. Received: unexpected end of data" in refuse_metadata(
        metadata("family,file_path", 'felidae,"a.jpg')
    )


@pytest.mark.parametrize(("line", "received"), [("felidae", "1 cell"), ("felidae,a.jpg,x", "3 cells")])
def test_row_of_another_length(line: str, received: str) -> None:
    message = refuse_metadata(metadata("family,file_path", "felidae,b.jpg", "", line))
    assert f"Received: {received} for 2 columns, on line 4." in message


@pytest.mark.parametrize(
    ("line", "column"), [(" ,a.jpg,", "family"), ("felidae, ,", "file_path"), (",,x", "family and file_path")]
)
def test_empty_cell(line: str, column: str) -> None:
    message = refuse_metadata(metadata("family,file_path,note", 'felidae,b.jpg,"two\nlines"', line))
    assert f"Received: an empty {column}, on line 4." in message


def test_empty_rows_of_a_spreadsheet_are_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    frame = read_metadata(metadata("family,file_path", ",", "felidae,a.jpg", " , ", ",,,,", ""), "list.csv")
    assert frame["file_path"].tolist() == ["a.jpg"]
    assert "list.csv: empty rows passed over: 3" in caplog.text
    assert "Received: no rows." in refuse_metadata(metadata("family,file_path", ",", ","))


@pytest.mark.parametrize(
    ("header", "advice"),
    [
        ("Family,File Path", "Rename 'Family' to 'family' and rename 'File Path' to 'file_path'."),
        ("family,file-path", "Rename 'file-path' to 'file_path'."),
        ("family,File Path,filepath", "Rename 'File Path' to 'file_path'."),
        ("FAMILY,path", "Rename 'FAMILY' to 'family' and add file_path to its first line."),
    ],
)
def test_a_column_that_is_near_is_named(header: str, advice: str) -> None:
    assert advice in refuse_metadata(metadata(header, "felidae,a.jpg"))


def test_a_column_that_is_near_and_not_read_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    frame = read_metadata(metadata("family,file_path,EOL page id", "felidae,a.jpg,7"), "list.csv")
    assert frame["species"].tolist() == [""]
    assert "column 'EOL page id' is not read; rename it to 'eol_page_id'" in caplog.text


def test_what_r_does_not_know_is_unknown_and_a_family_of_that_name_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    header = "file_path,phylum,family,eol_page_id,eol_content_id"
    frame = read_metadata(metadata(header, "a.jpg,NA,felidae,NA,1", "b.jpg,NA,NA,NA,NA"), "list.csv")
    assert frame["family"].tolist() == ["felidae", "NA"]
    assert frame[["phylum", "species", "content_id"]].to_numpy().tolist() == [["", "", "1"], ["", "", ""]]
    assert "NA read as unknown, as R writes it: phylum 2, species 2, content_id 1" in caplog.text
    assert "NA is a family here, of rows: 1" in caplog.text


@pytest.mark.parametrize("column", ["family", "phylum", "eol_page_id", "eol_content_id"])
@pytest.mark.parametrize("mark", ["\r", "\n", "\t", "\0", "\x1b", "\x85", "\u2028"])
def test_a_label_with_a_control_character_is_refused(column: str, mark: str) -> None:
    cells = dict.fromkeys(("phylum", "eol_page_id", "eol_content_id"), "") | {"family": "x", "file_path": "b.jpg"}
    row = ",".join(f'"{cell}"' for cell in (cells | {column: f"a{mark}b"}).values())
    message = refuse_metadata(metadata(",".join(cells), ",,,x,a.jpg", row))
    assert f"Received: {column} {f'a{mark}b'!r}, which has a control character, on line " in message


def test_a_cell_that_is_no_label_may_hold_any_text() -> None:
    data = metadata("family,file_path,note", 'felidae,a.jpg,"a\tb\nc\rd\0\x1b"')
    assert read_metadata(data, "list.csv")["family"].tolist() == ["felidae"]


def test_image_listed_twice() -> None:
    lines = [f"felidae,{number}.jpg" for number in range(7)]
    message = refuse_metadata(metadata("family,file_path", *lines, *(line.replace(",", ",./") for line in lines)))
    assert "Received twice or more: '0.jpg', '1.jpg', '2.jpg', '3.jpg', '4.jpg' and 2 more." in message


def test_family_in_two_phyla() -> None:
    lines = ("chordata,felidae,a.jpg", "mollusca,felidae,b.jpg")
    message = refuse_metadata(metadata("phylum,family,file_path", *lines))
    assert "Received: 'felidae' in 'chordata', 'mollusca'." in message


def test_family_of_unknown_phylum_is_no_contradiction() -> None:
    lines = ("chordata,felidae,a.jpg", ",felidae,b.jpg")
    assert len(read_metadata(metadata("phylum,family,file_path", *lines), "list.csv")) == 2


@pytest.mark.parametrize("column", ["eol_page_id", "eol_content_id"])
def test_ids_that_a_spreadsheet_rewrote(column: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    lines = ("x,a.jpg,300.0", "x,b.jpg,300", 'x,c.jpg,"10,000,300"', "x,d.jpg,abc")
    frame = read_metadata(metadata(f"family,file_path,{column}", *lines), "list.csv")
    known = frame["species" if column == "eol_page_id" else "content_id"]
    assert known.tolist() == ["300", "300", "10000300", "abc"]
    assert f"{column} 2 ('10,000,300' is 10000300)" in caplog.text


@pytest.mark.parametrize("column", ["eol_page_id", "eol_content_id"])
def test_zeros_before_an_id_make_no_other_id(column: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    frame = read_metadata(metadata(f"family,file_path,{column}", "x,a.jpg,007", "x,b.jpg,7"), "list.csv")
    assert set(frame["species" if column == "eol_page_id" else "content_id"]) == {"7"}
    assert f"{column} 1 ('007' is 7)" in caplog.text


@pytest.mark.parametrize("column", ["eol_page_id", "eol_content_id"])
def test_ids_that_a_spreadsheet_shortened_are_refused(column: str) -> None:
    message = refuse_metadata(metadata(f"family,file_path,{column}", "x,a.jpg,1", "x,b.jpg,1.00E+07"))
    assert f"'1.00E+07', a number whose last digits may be lost, in column '{column}' on line 3" in message


def test_a_quote_after_a_space() -> None:
    data = metadata("family,file_path", 'felidae, "cats, big/a.jpg"', ' "felidae",b.jpg')
    assert read_metadata(data, "list.csv")["file_path"].tolist() == ["b.jpg", "cats, big/a.jpg"]


@pytest.mark.parametrize(
    ("cell", "meant"),
    [
        (r'''"say \"hi\", cat"''', 'say "hi", cat'),
        (r'''"\"hi\""''', '"hi"'),
        (r'''"cat \", big"''', 'cat ", big'),
    ],
)
def test_a_quote_as_r_writes_it(cell: str, meant: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    data = metadata("family,file_path,note", f"{cell},a.jpg,x", f"felidae,b.jpg,{cell}")
    assert read_metadata(data, "list.csv")["family"].tolist() == [meant, "felidae"]
    assert "is read as a quote within a cell" in caplog.text


def test_a_backslash_before_a_closing_quote_is_a_backslash() -> None:
    data = metadata("family,note,file_path", r"""felidae,"C:\photos\",a.jpg""", r'''felidae,"say ""x""","cats\b.jpg"''')
    assert read_metadata(data, "list.csv")["file_path"].tolist() == ["a.jpg", "cats/b.jpg"]


@pytest.mark.parametrize(
    ("lines", "where"),
    [
        (('felidae,"a.jpg',), "on line 2, in column 'file_path'"),
        (("felidae,b.jpg", '"feli"dae,a.jpg', "felidae,c.jpg"), "on line 3, in column 'family'"),
        (("felidae,b.jpg", 'felidae,"a"b.jpg'), "on line 3, in column 'file_path'"),
        (('felidae,"' + "x\n" * 70_000,), "on line 2, in column 'file_path'"),
        ((' "two ""\n",  "a,b', "felidae,a.jpg"), "on line 2, in column 'file_path'"),
    ],
)
def test_a_torn_cell_is_named(lines: tuple[str, ...], where: str) -> None:
    message = refuse_metadata(metadata("family,file_path", *lines))
    assert where in message
    assert "a quote that is n" in message


def test_a_torn_cell_behind_lines_of_one_cell_is_named() -> None:
    message = refuse_metadata(metadata("note,family,file_path", '"two\nlines",felidae,b.jpg', 'x,felidae,"a"b.jpg'))
    assert "on line 4, in column 'file_path'" in message


@pytest.mark.parametrize("filler", ["x", "x\n"])
def test_a_quote_that_is_never_closed_is_told_however_much_follows(filler: str) -> None:
    before = csv.field_size_limit()
    message = refuse_metadata(metadata("family,file_path", "felidae,b.jpg", f'felidae,"{filler * 140_000}'))
    assert "a quote that is never closed), on line 3, in column 'file_path'" in message
    assert csv.field_size_limit() == before


def test_a_cell_of_any_length_is_read() -> None:
    data = metadata("family,file_path,note", f"felidae,a.jpg,{'x' * 140_000}")
    assert read_metadata(data, "list.csv")["family"].tolist() == ["felidae"]


def test_a_torn_header_is_named() -> None:
    assert "on line 1, in column 2" in refuse_metadata(metadata('family,"file"_path', "felidae,a.jpg"))


def test_bytes_that_are_not_utf8_are_placed() -> None:
    data = metadata("family,file_path", "felidae,b.jpg") + "\nfelidae,é.jpg".encode("latin-1")
    assert "on line 3, in column 'file_path'" in refuse_metadata(data)


@pytest.mark.parametrize("label", ["nan", "None", "true", "123", "NULL", "1e5", "-", "007"])
def test_labels_that_look_like_something_else_are_labels(label: str) -> None:
    assert rows(read_metadata(metadata("family,file_path", f"{label},a.jpg"), "x"))[0][2] == label
    assert labels([f"{label}/a.jpg"]) == [(f"{label}/a.jpg", "", label)]


def test_a_thousand_classes() -> None:
    assert len({row[2] for row in labels(f"class{number}/a.jpg" for number in range(1_000))}) == 1_000


# --- folder names


def test_folders_give_the_rows_that_metadata_gives() -> None:
    names = [CLAM_ROW[0], CAT_ROW[0]]
    assert rows(read(names, "auto").listing) == [CAT_ROW, CLAM_ROW]


def test_bears_stay_two_classes() -> None:
    assert labels(["black_bear/a.jpg", "polar_bear/a.jpg"]) == [
        ("black_bear/a.jpg", "", "black_bear"),
        ("polar_bear/a.jpg", "", "polar_bear"),
    ]


@pytest.mark.parametrize(
    ("folder", "label"),
    [
        ("CHORDATA_FELIDAE", ("CHORDATA", "FELIDAE")),
        ("tracheophyta_rosaceae", ("tracheophyta", "rosaceae")),
        ("a_b_idae", ("a", "b_idae")),
        ("_felidae", ("", "_felidae")),
        ("_big_felidae", ("", "_big_felidae")),
        ("felidae", ("", "felidae")),
        ("chordata_cats", ("", "chordata_cats")),
    ],
)
def test_auto_splits_what_ends_like_a_family(folder: str, label: tuple[str, str]) -> None:
    assert labels([f"{folder}/a.jpg"]) == [(f"{folder}/a.jpg", *label)]


def test_auto_splits_no_folder_when_one_cannot_be() -> None:
    found = labels(["chordata_felidae/a.jpg", "polar_bear/a.jpg"])
    assert [label for _, *label in found] == [["", "chordata_felidae"], ["", "polar_bear"]]


def test_layout_given_by_the_user_wins() -> None:
    assert labels(["polar_bear/a.jpg"], "phylum_family") == [("polar_bear/a.jpg", "polar", "bear")]
    assert labels(["chordata_felidae/a.jpg"], "class_folders") == [("chordata_felidae/a.jpg", "", "chordata_felidae")]


@pytest.mark.parametrize("folder", ["felidae", "_felidae", "chordata_"])
def test_folder_that_cannot_be_split(folder: str) -> None:
    with pytest.raises(UserError, match=rf"must be named <phylum>_<family>\. Received: '{folder}'\. Rename it"):
        read(["chordata_canidae/a.jpg", f"{folder}/a.jpg"], "phylum_family")


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_another_separator_is_named_for_what_it_is(mark: str) -> None:
    with pytest.raises(UserError, match=r"separated by commas.*Received: .*Save it again with commas\."):
        read_metadata(f"file_path{mark}family\na.jpg{mark}felidae\n".encode(), "metadata.csv")


def test_a_phylum_that_some_rows_give_is_that_of_the_whole_family() -> None:
    data = b"file_path,family,phylum\na.jpg,felidae,\nb.jpg,felidae,chordata\nc.jpg,apidae,\n"
    assert read_metadata(data, "metadata.csv")["phylum"].tolist() == ["chordata", "chordata", ""]


def test_folders_that_place_a_family_in_two_phyla() -> None:
    with pytest.raises(UserError, match="folder names must place each family in one phylum"):
        read(["chordata_felidae/a.jpg", "mollusca_felidae/a.jpg"], "auto")


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("7_900_eol-full-size-copy.jpg", ("900", "7")),
        ("007_0900_eol-full-size-copy.jpg", ("900", "7")),
        ("0_00_eol-full-size-copy.jpg", ("0", "0")),
        ("7_900.jpg", ("", "")),
        ("7_eol-full-size-copy.jpg", ("", "")),
        ("x7_900_eol-full-size-copy.jpg", ("", "")),
        ("7_900_eol-full-size-copy.jpg.png", ("", "")),
    ],
)
def test_ids_from_the_file_name(name: str, ids: tuple[str, str]) -> None:
    assert rows(read([f"cat/{name}"], "auto").listing)[0][3:] == ids


def test_only_images_in_folders_get_a_row() -> None:
    names = ["cat/a.JPG", "cat/notes.txt", "cat/jpg", "b.jpg", "README", *(f"dog/a{end}" for end in IMAGE_SUFFIXES)]
    assert [row[0] for row in labels(names)] == ["cat/a.JPG", *sorted(f"dog/a{end}" for end in IMAGE_SUFFIXES)]


def test_folders_of_one_name_are_one_class() -> None:
    assert [row[2] for row in labels(["test/cat/a.jpg", "train/cat/a.jpg"])] == ["cat", "cat"]


@given(st.lists(st.sampled_from(["cat/a.jpg", "cat/b.png", "dog/a.jpg", "owl/a.jpg"]), unique=True), st.randoms())
def test_order_of_names_does_not_matter(names: list[str], random: object) -> None:
    shuffled = [*names, "cat/z.jpg"]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert labels(shuffled) == labels([*names, "cat/z.jpg"])


# --- the root


@pytest.mark.parametrize(
    ("names", "root"),
    [
        (["cat/a.jpg", "dog/a.jpg"], ""),
        (["set/cat/a.jpg", "set/dog/a.jpg", "other/list.txt"], "set"),
        (["x/set/cat/a.jpg", "x/set/dog/a.jpg"], "x/set"),
        (["set/cat/a.jpg"], "set"),
        (["cat/a.jpg"], ""),
        (["set/a.jpg", "set/cat/a.jpg", "set/dog/a.jpg"], "set"),
        (["a.jpg", "cat/a.jpg"], ""),
        (["set/train/cat/a.jpg", "set/test/cat/a.jpg"], "set"),
        (["set1/a.jpg", "set12/a.jpg"], ""),
    ],
)
def test_root_of_class_folders(names: list[str], root: str) -> None:
    assert read(names, "class_folders").folder == root


@pytest.mark.parametrize("name", ["metadata.csv", "set/metadata.csv", "x/set/Metadata.CSV"])
def test_metadata_decides_wherever_it_lies(name: str) -> None:
    root = name.rpartition("/")[0]
    files = [f"{root}/cat/a.jpg".lstrip("/"), "other/notes.txt", name]
    for layout in ("auto", "metadata"):
        found = read(files, layout, b"file_path,family\ncat/a.jpg,felidae\n")
        assert (found.folder, found.lists) == (root, [name])
    assert read(files, "class_folders").lists == ()


def test_two_metadata() -> None:
    names = ["a/metadata.csv", "b/metadata.csv", "b/cat/a.jpg"]
    with pytest.raises(UserError, match=r"one metadata\.csv\. Received: 'a/metadata\.csv', 'b/metadata\.csv'\. Keep"):
        read(names, "auto")


def test_layout_metadata_without_one() -> None:
    with pytest.raises(UserError, match=r"one metadata\.csv\. Received: none\. Keep or add one"):
        read(["cat/a.jpg"], "metadata")


@pytest.mark.parametrize("names", [[], ["cat/a.txt"], ["metadata.csv", "cat/a"]])
def test_no_images(names: list[str]) -> None:
    with pytest.raises(UserError, match=rf"Received: no images among {len(names)} files?\."):
        read(names, "auto")


def test_images_in_no_folder() -> None:
    with pytest.raises(UserError, match=r"one folder per class.* Received: 2 images in no folder"):
        read(["a.jpg", "b.jpg"], "auto")


# --- the whole


def test_unpack_with_metadata(tmp_path: Path) -> None:
    names = [f"set/{CLAM_ROW[0]}", f"set/{CAT_ROW[0]}", "set/LICENSE", "outside.txt"]
    files = dict.fromkeys(names, b"bytes") | {"set/metadata.csv": metadata(HEADER, CLAM, CAT)}
    frame = unpack(make_zip(tmp_path / "photos.zip", files), tmp_path / "out", layout="auto")
    assert rows(frame) == [CAT_ROW, CLAM_ROW]
    assert landed(tmp_path / "out") == {CAT_ROW[0], CLAM_ROW[0], "LICENSE"}


@pytest.mark.parametrize("layout", ["auto", "phylum_family"])
def test_unpack_with_folders(tmp_path: Path, layout: str) -> None:
    files = {f"set/{row[0]}": b"bytes" for row in (CLAM_ROW, CAT_ROW)}
    frame = unpack(make_zip(tmp_path / "photos.zip", files), tmp_path / "out", layout=layout)
    assert rows(frame) == [CAT_ROW, CLAM_ROW]
    assert landed(tmp_path / "out") == {CAT_ROW[0], CLAM_ROW[0]}


def test_a_metadata_that_is_not_read_is_a_file_like_any_other(tmp_path: Path) -> None:
    names = ["set/cat/a.jpg", "set/metadata.csv", "set/cat/Metadata.CSV", "metadata.csv"]
    path = make_zip(tmp_path / "photos.zip", dict.fromkeys(names, b"not read"))
    found = unpack_all(path, tmp_path / "out", UnzipParams.model_validate(PARAMETERS | {"layout": "class_folders"}))
    assert rows(found.listing) == [("cat/a.jpg", "", "cat", "", "")]
    assert landed(tmp_path / "out") == {"cat/a.jpg", "metadata.csv", "cat/Metadata.CSV"}
    assert (found.n_files, found.n_outside) == (3, 1)


def test_unpack_when_no_listed_file_is_there(tmp_path: Path) -> None:
    path = make_zip(tmp_path / "photos.zip", {"images/a.jpg": b"", "csv/metadata.csv": metadata(HEADER, CAT)})
    with pytest.raises(UserError) as error:
        unpack(path, tmp_path / "out", layout="auto")
    assert "file_path in csv/metadata.csv must be relative to the folder it lies in" in str(error.value)
    assert f"Received: 1 row, none of a file there, first {CAT_ROW[0]!r}" in str(error.value)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"cat/a.jpg": b"", "../evil.jpg": b""}, "leads out of its folder"),
        (
            {"cat/a.jpg": b"", "metadata.csv": b"family\nfelidae"},
            r"metadata\.csv in .*photos\.zip must have the columns",
        ),
        ({"cat/a.txt": b""}, "no images"),
    ],
)
def test_unpack_writes_nothing_when_it_refuses(tmp_path: Path, files: dict[str, bytes], message: str) -> None:
    path = make_zip(tmp_path / "photos.zip", files)
    with pytest.raises(UserError, match=message):
        unpack(path, tmp_path / "out", layout="auto")
    assert landed(tmp_path) == {"photos.zip"}


@pytest.mark.parametrize(("listed", "file"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_composed_and_decomposed_names_are_one_file(
    tmp_path: Path, listed: Any, file: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    names = {form: unicodedata.normalize(form, "ñandú/á.jpg") for form in ("NFC", "NFD")}
    table = metadata("family,file_path", f"Rheidae,{names[listed]}", "Rheidae,b.jpg")
    path = make_zip(tmp_path / "photos.zip", {names[file]: b"", "B.JPG": b"", "metadata.csv": table})
    frame = unpack(path, tmp_path / "out")
    assert set(frame["file_path"]) == landed(tmp_path / "out") == {names[file], "B.JPG"}
    assert "paths spelt otherwise than their files: 2, first" in caplog.text


def test_two_rows_of_one_file_are_refused(tmp_path: Path) -> None:
    table = metadata("family,file_path", "felidae,a.jpg", "felidae,A.jpg", "canidae,á.jpg", "canidae,a\u0301.jpg")
    path = make_zip(tmp_path / "photos.zip", {"A.JPG": b"", "á.jpg": b"", "metadata.csv": table})
    with pytest.raises(UserError, match=r"each image once.*'A\.JPG'"):
        unpack(path, tmp_path / "out")


def test_a_file_listed_as_it_is_and_in_another_spelling_is_listed_twice(tmp_path: Path) -> None:
    table = metadata("family,file_path", "felidae,A.jpg", "felidae,a.jpg", "felidae,b.jpg")
    path = make_zip(tmp_path / "photos.zip", {"A.jpg": b"", "b.jpg": b"", "metadata.csv": table})
    with pytest.raises(UserError, match=r"each image once.*'A\.jpg'"):
        unpack(path, tmp_path / "out")


def test_the_folder_that_holds_all_photos_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = make_zip(tmp_path / "photos.zip", dict.fromkeys(["lion/CAM1/a.jpg", "lion/CAM2/b.jpg"], b""))
    assert unpack(path, tmp_path / "out")["family"].tolist() == ["CAM1", "CAM2"]
    assert "all photos lie in folder 'lion'" in caplog.text
    assert "2 classes ('CAM1', 'CAM2')" in caplog.text


@pytest.mark.parametrize("names", [["lion/a.jpg", "zebra/b.jpg"], ["lion/a.jpg"]])
def test_nothing_is_told_where_no_folder_holds_all(
    tmp_path: Path, names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    unpack(make_zip(tmp_path / "photos.zip", dict.fromkeys(names, b"")), tmp_path / "out")
    assert "all photos lie in" not in caplog.text


def test_every_file_of_an_archive_is_counted_once(tmp_path: Path) -> None:
    table = metadata("family,file_path", "felidae,p/0.jpg", "canidae,p/1.jpg", "canidae,gone.jpg")
    images = [
        "all/part1/p/0.jpg",
        "all/part1/p/1.jpg",
        "all/part1/extra.png",
        "all/part2/0.jpg",
        "all/part2/deep/1.gif",
    ]
    others = ["all/part2/notes.txt", "all/README", "outside.txt"]
    junk = ["__MACOSX/a.jpg", "all/part2/.thumbs/0.jpg", "all/part1/p/.DS_Store"]
    names = [*images, *others, *junk, "all/part1/metadata.csv"]
    path = make_zip(tmp_path / "photos.zip", dict.fromkeys(names, b"") | {"all/part1/metadata.csv": table, "all/": b""})
    params = UnzipParams.model_validate({"layout": "auto"} | PARAMETERS)
    found = unpack_all(path, tmp_path / "out", params)
    assert found.listing["file_path"].tolist() == ["part1/gone.jpg", "part1/p/0.jpg", "part1/p/1.jpg"]
    assert landed(tmp_path / "out") == {name.removeprefix("all/") for name in (*images, *others[:2])}
    assert (found.n_files, found.n_junk, found.n_outside) == (7, 3, 1)
    assert found.n_files + found.n_junk + found.n_outside + 1 == len(names)


def test_photos_beside_the_metadata_at_the_very_top(tmp_path: Path) -> None:
    files = {"part1/a.jpg": b"", "b.jpg": b"", "part1/metadata.csv": metadata("family,file_path", "felidae,a.jpg")}
    frame = unpack(make_zip(tmp_path / "photos.zip", files), tmp_path / "out")
    assert frame["file_path"].tolist() == ["part1/a.jpg"]
    assert landed(tmp_path / "out") == {"part1/a.jpg", "b.jpg"}


def test_parameters_reach_the_labels(tmp_path: Path) -> None:
    files = dict.fromkeys(["Lynx/cam1/a.jpg", "lynx/cam2/b.jpg", "lynx/cam2/c.jpg"], b"")
    path = tmp_path / "photos.zip"
    make_zip(
        path,
        {f"train/{name}": data for name, data in list(files.items())[:1]}
        | {f"test/{name}": data for name, data in list(files.items())[1:]},
    )
    frame = unpack(path, tmp_path / "out", class_folder="first", merge_spellings=True)
    assert frame["family"].tolist() == ["lynx"] * 3
