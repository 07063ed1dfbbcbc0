"""rare_species.common.csv_tables: what one stage writes, the next reads, character for character."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rare_species.common import csv_tables
from rare_species.common.checksums import write_checksums
from rare_species.common.csv_tables import kept, read_checked, read_table, write_csv, write_table
from rare_species.common.errors import UserError

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
PATHS = TEXT.filter(lambda path: path and "\0" not in path and not path.startswith("/") and ".." not in path.split("/"))


def read_back(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    write_table(path, table, list(table.columns))
    return read_table(path, list(table.columns))


def test_rows_are_written_in_order_of_their_path_with_the_named_columns(tmp_path: Path) -> None:
    table = pd.DataFrame({"extra": [1, 2, 3], "family": ["x", "y", "z"], "file_path": ["b", "a", "b"]})
    write_table(tmp_path / "t.csv", table, ["file_path", "family"])
    assert (tmp_path / "t.csv").read_bytes() == b"file_path,family\na,y\nb,x\nb,z\n"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "NA",
        "nan",
        "None",
        "007",
        "1e5",
        "a,b",
        'say "x"',
        "two\nlines",
        "Feli\rdae",
        "\r\n",
        "\0",
        "Größe/Ünïo.jpg",
        " x ",
    ],
)
def test_every_value_stays_the_text_it_was(tmp_path: Path, value: str) -> None:
    assert read_back(tmp_path / "t.csv", pd.DataFrame({"file_path": ["a"], "family": [value]}))["family"][0] == value


@given(st.lists(st.tuples(PATHS, TEXT), max_size=5, unique_by=lambda row: row[0]))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    table = pd.DataFrame(rows, columns=["file_path", "family"], dtype=str)
    found = read_back(tmp_path_factory.getbasetemp() / "round.csv", table)
    assert list(found.itertuples(index=False, name=None)) == sorted(rows, key=lambda row: row[0])


def test_an_index_may_hold_a_carriage_return_too(tmp_path: Path) -> None:
    table = pd.DataFrame({"count": [1]}, index=pd.Index(["Feli\rdae"], name="family"))
    write_csv(tmp_path / "t.csv", table)
    assert read_table(tmp_path / "t.csv", ["family", "count"]).to_numpy().tolist() == [["Feli\rdae", "1"]]


def test_columns_come_as_asked_for_without_others(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("c,b,a\n3,2,1\n")
    assert read_table(tmp_path / "t.csv", ["a", "c"]).to_dict("list") == {"a": ["1"], "c": ["3"]}


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbffile_path\na.png\n")
    assert list(read_table(tmp_path / "t.csv", ["file_path"])["file_path"]) == ["a.png"]


def test_a_missing_file_is_named_with_the_command_that_writes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"gone\.csv.*dvc repro"):
        read_table(tmp_path / "gone.csv", ["file_path"])


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file_path,photo\n")
    with pytest.raises(UserError, match=r"columns file_path, family\. Received: file_path, photo\. Add family to its"):
        read_table(tmp_path / "t.csv", ["file_path", "family"])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b'file_path\n"a',
        b"file_path,b\n1,2\n1,2,3\n",
        b"file_path,b\n1,2,3\n",
        "file_path\nGröße.png\n".encode("latin-1"),
    ],
    ids=["empty", "blank", "open quote", "ragged", "all too long", "latin-1"],
)
def test_what_is_no_csv_is_one_clear_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(data)
    with pytest.raises(UserError, match=r"t\.csv must be a UTF-8 CSV .*Received: .*Mend"):
        read_table(tmp_path / "t.csv", ["file_path"])


def test_a_table_longer_than_what_is_read_at_once_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "ROWS_AT_ONCE", 2)
    table = pd.DataFrame({"file_path": list("abcde"), "family": ["1", "", "02", "x", "2.0"]})
    pd.testing.assert_frame_equal(read_back(tmp_path / "t.csv", table), table)


def test_a_torn_row_is_seen_however_far_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "ROWS_AT_ONCE", 2)
    (tmp_path / "t.csv").write_text("file_path,b\n" + "1,2\n" * 4 + "1,2,3\n")
    with pytest.raises(UserError, match=r"t\.csv must be a UTF-8 CSV .*line 6, saw 3"):
        read_table(tmp_path / "t.csv", ["file_path"])


def test_kept_rows_are_numbered_from_0() -> None:
    found = kept(pd.DataFrame({"status": ["rejected", "kept", "rejected", "kept"], "file_path": list("abcd")}))
    assert list(found["file_path"]) == ["b", "d"]
    assert list(found.index) == [0, 1]


ROW = {
    "file_path": "cat/1.jpg",
    "status": "kept",
    "reason": "",
    "extension_matches": "True",
    "guess": "opaque",
    "orientation": "1",
    "width": "40",
    "height": "30",
    "bytes": "999",
    "sha256": "0123456789abcdef" * 4,
    "phash": "0123456789abcdef",
    "document_score": "0.25",
    "class_id": "2",
    "group": "7",
    "split": "test",
    "held_out_species": "0",
    "shard": "shard-00000.tar",
    "offset": "512",
    "length": "100",
    "crc32": "4294967295",
    "train_images": "20",
    "images": "2",
    "precision": "1.0",
    "recall": "0.666667",
    "f1": "0",
}
REJECTED = {
    "status": "rejected",
    "reason": "missing",
    "guess": "",
    "sha256": "",
    "phash": "",
    "document_score": "",
    "width": "0",
}


def write_rows(path: Path, rows: list[dict[str, str]]) -> Path:
    pd.DataFrame(rows, dtype=str).to_csv(path, index=False, lineterminator="\n")
    return path


def test_what_stages_write_is_read(tmp_path: Path) -> None:
    rows = [
        ROW,
        ROW | {"file_path": "...a/..b/c..jpg"} | REJECTED,
        ROW | {"file_path": "a\nb", "document_score": "1e-05", "precision": "1", "recall": "0.0", "f1": "1.5e-05"},
    ]
    assert read_table(write_rows(tmp_path / "t.csv", rows), list(ROW)).to_dict("records") == rows


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("file_path", ""),
        ("file_path", "/etc/passwd"),
        ("file_path", ".."),
        ("file_path", "../a.jpg"),
        ("file_path", "cat/../../a.jpg"),
        ("file_path", "cat/.."),
        ("file_path", "a\n/../b.jpg"),
        ("status", "keptt"),
        ("status", ""),
        ("reason", "because"),
        ("guess", "none"),
        ("split", "tset"),
        ("class_id", "-1"),
        ("class_id", "1.0"),
        ("class_id", "1_0"),
        ("class_id", "\u0663"),
        ("class_id", "9999999999"),
        ("held_out_species", "2"),
        ("width", "nan"),
        ("height", ""),
        ("bytes", "1e3"),
        ("sha256", "0123"),
        ("phash", "0123456789ABCDEF"),
        ("document_score", "nan"),
        ("document_score", "1.5"),
        ("train_images", "many"),
        ("images", ""),
        ("precision", "1.5"),
        ("recall", "nan"),
        ("f1", ""),
        ("orientation", "9"),
        ("extension_matches", "yes"),
        ("group", ""),
        ("shard", "../shard-00000.tar"),
        ("offset", "-512"),
        ("length", ""),
        ("crc32", "0x1"),
    ],
)
def test_a_value_that_a_column_cannot_have_is_named_with_its_line(tmp_path: Path, column: str, value: str) -> None:
    rows = [ROW | {"file_path": "a\nb"}, ROW, ROW | {"file_path": "c", column: value}, ROW | {"file_path": "d"}]
    path = write_rows(tmp_path / "t.csv", rows)
    lines = path.read_text(encoding="utf-8").splitlines()
    last = len(lines) - 1  # a path of two lines ends one further down
    with pytest.raises(UserError) as refused:
        read_table(path, list(ROW))
    message = str(refused.value)
    assert f"of column {column} in {path}. Received: {value!r}, on line {last}. " in message
    assert "dvc repro" in message


def test_a_path_that_comes_twice_is_named(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "t.csv", [ROW, ROW | {"file_path": "b"}, ROW])
    with pytest.raises(UserError, match=r"another path in every row of column file_path .*'cat/1\.jpg', on line 4\."):
        read_table(path, list(ROW))
    assert len(read_table(path, ["status"])) == 3


def test_a_person_may_write_what_a_stage_may_not(tmp_path: Path) -> None:
    rows = [{"file_path": "../a"}, {"file_path": "../a"}]
    assert len(read_table(write_rows(tmp_path / "t.csv", rows), ["file_path"], by_hand=True)) == 2


def test_a_wrong_value_behind_a_huge_cell_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_tables, "ROWS_AT_ONCE", 2)
    rows = [{"file_path": str(number), "split": "train"} for number in range(9)]
    rows[0]["file_path"], rows[7]["split"] = "x" * 200_000, "tset"
    with pytest.raises(UserError, match="'tset', on line 9"):
        read_table(write_rows(tmp_path / "t.csv", rows), ["file_path", "split"])


def test_a_table_with_other_bytes_than_its_stage_wrote_is_refused(tmp_path: Path) -> None:
    rows = [ROW, ROW | {"file_path": "b"}]
    path = write_rows(tmp_path / "t.csv", rows)
    write_checksums(tmp_path)
    assert len(read_checked(path, list(ROW))) == 2
    write_rows(path, rows[:1])
    with pytest.raises(UserError, match=r"t\.csv as its stage wrote it.* Received: other bytes"):
        read_checked(path, list(ROW))
