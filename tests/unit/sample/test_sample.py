"""The drawn sample: laid out like the real archive, the same bytes every time, defects where they are said to be."""

import csv
import hashlib
import io
import shutil
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops, ImageOps

from rare_species.cli.sample import main
from rare_species.sample.catalogue import FURS, PALETTES, family_named
from rare_species.sample.creatures import PLANS, PLANS_BY_PHYLUM
from rare_species.sample.families import FAMILIES
from rare_species.sample.flat_parts import MAX_PARTS, SUPERSAMPLE, Part, Placement, Role, number_parts, place, tube
from rare_species.sample.keyed_random import Dials, unit
from rare_species.sample.patterns import PATTERNS
from rare_species.sample.photo import Subject, draw_photo
from rare_species.sample.planted import PLANTED, Defect, plant_defects
from rare_species.sample.rows import COLUMNS, burst_starts, family_sizes, make_row, make_rows
from rare_species.sample.scenes import CLUTTER, CLUTTER_COUNT, HABITATS

IMAGES = 180  # the fewest that still hold all planted defects, with a little to spare
SMALL = ["--min-side", "32", "--max-side", "48", "--workers", "1"]


def draw(out: Path, *argv: str) -> Path:
    assert main(["--out", str(out), *SMALL, *argv]) == 0
    return out


def read_members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def metadata(members: dict[str, bytes]) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(members["sample/metadata.csv"].decode())))


def write_metadata(path: Path, rows: list[dict[str, object]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def metadata_row(
    content_id: int, family: str = "hyaenidae", page: int = 7, phylum: str = "chordata"
) -> dict[str, object]:
    path = f"{phylum}_{family}/{content_id}_{page}_eol-full-size-copy.jpg"
    return dict(zip(COLUMNS, (f"id-{content_id}", content_id, page, "animalia", phylum, family, path), strict=True))


def distance(first: Image.Image, second: Image.Image) -> float:
    """Mean absolute difference of two pictures at 16 by 16 pixels, in grey levels."""
    small = [np.asarray(image.convert("RGB").resize((16, 16)), dtype=float) for image in (first, second)]
    return float(np.abs(small[0] - small[1]).mean())


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw(tmp_path_factory.mktemp("sample") / "sample.zip", "--images", str(IMAGES))


@pytest.fixture(scope="module")
def members(sample: Path) -> dict[str, bytes]:
    return read_members(sample)


@pytest.fixture(scope="module")
def planted() -> dict[Defect, list[str]]:
    """Paths in the archive, by planted defect."""
    paths: dict[Defect, list[str]] = {defect: [] for defect in Defect}
    for entry in plant_defects(make_rows(0, IMAGES), 0):
        if entry.defect:
            paths[entry.defect].append(f"sample/{entry.row.file_path}")
    return paths


# Same seed, same bytes


def test_drawn_twice_gives_the_same_bytes(sample: Path, tmp_path: Path) -> None:
    again = draw(tmp_path / "again.zip", "--images", str(IMAGES))
    assert again.read_bytes() == sample.read_bytes()


def test_another_seed_gives_other_photos(tmp_path: Path) -> None:
    table = write_metadata(tmp_path / "m.csv", [metadata_row(100)])
    zips = [draw(tmp_path / f"{seed}.zip", "--metadata", str(table), "--seed", str(seed)) for seed in (0, 1)]
    first, second = (read_members(path)[f"sample/{metadata_row(100)['file_path']}"] for path in zips)
    assert first != second


def test_another_seed_gives_other_rows() -> None:
    assert make_rows(0, IMAGES) == make_rows(0, IMAGES)
    assert make_rows(0, IMAGES) != make_rows(1, IMAGES)


def test_number_of_workers_does_not_change_the_bytes(tmp_path: Path) -> None:
    one = draw(tmp_path / "one.zip", "--limit", "24")
    two = draw(tmp_path / "two.zip", "--limit", "24", "--workers", "2")
    assert one.read_bytes() == two.read_bytes()


def test_a_photo_does_not_depend_on_the_rows_around_it(tmp_path: Path) -> None:
    rows = [metadata_row(100), metadata_row(500), metadata_row(900)]
    alone = draw(tmp_path / "a.zip", "--metadata", str(write_metadata(tmp_path / "a.csv", rows[1:2])))
    among = draw(tmp_path / "b.zip", "--metadata", str(write_metadata(tmp_path / "b.csv", rows)))
    name = f"sample/{rows[1]['file_path']}"
    assert read_members(alone)[name] == read_members(among)[name]


def test_zip_entries_carry_no_time_and_no_system(sample: Path) -> None:
    with zipfile.ZipFile(sample) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.create_system, info.external_attr) == (3, 0o100644 << 16)
            deflated = info.filename.endswith(".csv")
            assert info.compress_type == (zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED)


# Layout


def test_layout_is_that_of_the_real_archive(members: dict[str, bytes]) -> None:
    rows = metadata(members)
    assert tuple(rows[0]) == COLUMNS
    for row in rows:
        stem = f"{row['phylum']}_{row['family']}/{row['eol_content_id']}_{row['eol_page_id']}_eol-full-size-copy"
        assert row["file_path"] in (f"{stem}.jpg", f"{stem}.png")
    assert len({row["rare_species_id"] for row in rows}) == len({row["eol_content_id"] for row in rows}) == len(rows)


def test_every_row_has_its_file_but_for_the_planted(
    members: dict[str, bytes], planted: dict[Defect, list[str]]
) -> None:
    listed = {f"sample/{row['file_path']}" for row in metadata(members)}
    files = set(members) - {"sample/metadata.csv"}
    assert listed - files == set(planted[Defect.NO_FILE])
    assert files - listed == set(planted[Defect.NO_ROW])


def test_default_families_have_a_long_tail() -> None:
    sizes = family_sizes(900)
    assert len(sizes) == len(FAMILIES) == 24
    assert (sizes[0], sizes[-1]) == (88, 11)
    assert sizes == sorted(sizes, reverse=True)
    assert abs(sum(sizes) - 900) <= 12
    assert Counter(row.family for row in make_rows(0, 900))["bovidae"] == 88
    assert len({family.phylum for family in FAMILIES}) == 5


def test_content_ids_are_spread_but_for_bursts() -> None:
    rows = make_rows(0, 900)
    assert min(row.eol_content_id for row in rows) > 0
    for seed in range(40):  # a gap that is too small is rare: about one seed in ten would show it
        gaps = set(np.diff(sorted(row.eol_content_id for row in make_rows(seed, 900))).tolist())
        assert 1 in gaps
        assert not gaps & set(range(2, 10))
    bursts = Counter(burst_starts(rows).values())
    assert set(bursts.values()) == {1, 2, 3, 4}


def test_burst_starts_chain_within_a_species() -> None:
    rows = [
        make_row(number, page, "chordata", "ranidae")
        for number, page in ((14, "1"), (10, "1"), (12, "1"), (17, "1"), (13, "2"))
    ]
    assert burst_starts(rows) == {("1", 10): 10, ("1", 12): 10, ("1", 14): 10, ("1", 17): 17, ("2", 13): 13}


# Planted defects


def test_each_defect_is_planted_as_often_as_said(planted: dict[Defect, list[str]]) -> None:
    assert {defect: len(paths) for defect, paths in planted.items()} == PLANTED


def share_near(data: bytes, colours: list[tuple[int, int, int]], within: int) -> float:
    """Share of pixels whose three channels are all near one of the colours."""
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), dtype=int)
    near = [np.abs(pixels - colour).max(axis=2) <= within for colour in colours]
    return float(np.any(near, axis=0).mean())


@pytest.mark.parametrize(
    ("defect", "colours"),
    [(Defect.TEXT_PAGE, [(238, 230, 215)]), (Defect.MAP, [(176, 208, 228), (236, 230, 200), (218, 138, 117)])],
)
def test_documents_look_like_paper_and_maps(
    defect: Defect, colours: list[tuple[int, int, int]], members: dict[str, bytes], planted: dict[Defect, list[str]]
) -> None:
    assert all(share_near(members[path], colours, 40) > 0.4 for path in planted[defect])
    frogs = [data for path, data in members.items() if "ranidae" in path and path not in planted[defect] and data]
    ordinary = [share_near(data, colours, 40) for data in frogs if data.startswith(b"\xff\xd8")][:5]
    assert len(ordinary) == 5
    assert np.median(ordinary) < 0.2


@pytest.mark.parametrize(
    ("defect", "orientation"),
    [(Defect.EXIF_UPSIDE_DOWN, 3), (Defect.EXIF_TURNED_RIGHT, 6), (Defect.EXIF_TURNED_LEFT, 8)],
)
def test_turned_photos_are_upright_once_exif_is_applied(
    defect: Defect, orientation: int, planted: dict[Defect, list[str]], members: dict[str, bytes]
) -> None:
    rows = {f"sample/{row.file_path}": row for row in make_rows(0, IMAGES)}
    starts = burst_starts(rows.values())
    for path in planted[defect]:
        row, image = rows[path], Image.open(io.BytesIO(members[path]))
        assert image.getexif()[0x0112] == orientation
        key = (row.eol_page_id, row.eol_content_id)
        upright = ImageOps.exif_transpose(image)
        subject = Subject(
            row.family,
            row.phylum,
            species=f"{row.family}-{row.eol_page_id}",
            burst=f"0-{row.eol_page_id}-{starts[key]}",
            frame=f"0-{row.eol_page_id}-{row.eol_content_id}",
        )
        assert (
            distance(upright, draw_photo(subject, upright.size)) < 6 < distance(image, draw_photo(subject, image.size))
        )


@pytest.mark.parametrize(
    ("defect", "expected"),
    [
        (Defect.GREY, ("JPEG", "L", ".jpg")),
        (Defect.CMYK, ("JPEG", "CMYK", ".jpg")),
        (Defect.RGBA, ("PNG", "RGBA", ".png")),
        (Defect.PALETTE, ("PNG", "P", ".png")),
        (Defect.SIXTEEN_BIT, ("PNG", "I;16", ".png")),
        (Defect.PNG_NAMED_JPG, ("PNG", "P", ".jpg")),
    ],
)
def test_odd_modes_and_formats(
    defect: Defect, expected: tuple[str, str, str], members: dict[str, bytes], planted: dict[Defect, list[str]]
) -> None:
    for path in planted[defect]:
        image = Image.open(io.BytesIO(members[path]))
        assert (image.format, image.mode, Path(path).suffix) == expected
        image.load()


def test_rgba_photos_show_through_somewhere(members: dict[str, bytes], planted: dict[Defect, list[str]]) -> None:
    for path in planted[Defect.RGBA]:
        assert Image.open(io.BytesIO(members[path])).getchannel("A").getextrema() == (0, 255)


def test_truncated_photos_open_but_do_not_load(members: dict[str, bytes], planted: dict[Defect, list[str]]) -> None:
    for path in planted[Defect.TRUNCATED]:
        image = Image.open(io.BytesIO(members[path]))
        with pytest.raises(OSError, match="truncated"):
            image.load()


def test_broken_files_are_no_images(members: dict[str, bytes], planted: dict[Defect, list[str]]) -> None:
    assert [members[path] for path in planted[Defect.EMPTY]] == [b""]
    for path in planted[Defect.NOT_AN_IMAGE]:
        assert members[path].decode().isprintable() or members[path].endswith(b"\n")
        with pytest.raises(OSError, match="cannot identify"):
            Image.open(io.BytesIO(members[path]))


def test_all_other_files_are_sound(members: dict[str, bytes], planted: dict[Defect, list[str]]) -> None:
    broken = {path for defect in (Defect.TRUNCATED, Defect.EMPTY, Defect.NOT_AN_IMAGE) for path in planted[defect]}
    for path, data in members.items():
        if path not in broken and not path.endswith(".csv"):
            Image.open(io.BytesIO(data)).load()


def test_duplicates_repeat_the_bytes_of_their_species(
    members: dict[str, bytes], planted: dict[Defect, list[str]]
) -> None:
    by_digest: dict[str, list[str]] = {}
    for path, data in members.items():
        by_digest.setdefault(hashlib.sha256(data).hexdigest(), []).append(path)
    repeated = [
        paths for paths in by_digest.values() if len(paths) > 1 and paths[0] not in planted[Defect.NOT_AN_IMAGE]
    ]
    assert sorted(path for paths in repeated for path in paths[1:]) == sorted(planted[Defect.DUPLICATE])
    for original, copy in repeated:
        first, second = Path(original), Path(copy)
        assert first.parent == second.parent
        assert first.name.split("_")[0] != second.name.split("_")[0]
        assert first.name.split("_")[1:] == second.name.split("_")[1:]


# Photos


def subject(family: str, frame: int, burst: int | None = None, phylum: str = "chordata") -> Subject:
    return Subject(family, phylum, f"{family}-1", f"0-{frame if burst is None else burst}", f"0-{frame}")


def test_frames_of_a_burst_are_nearly_alike_and_others_are_not() -> None:
    first, second, other = (
        draw_photo(subject("ranidae", frame, burst), (96, 72)) for frame, burst in ((1, 1), (2, 1), (30, 30))
    )
    assert first.tobytes() != second.tobytes()
    assert distance(first, second) < 14 < distance(first, other)


def test_families_of_one_plan_differ_in_shape() -> None:
    def silhouette(name: str) -> Image.Image:
        family = family_named(name, "chordata")
        dials = Dials(family.name, "species", "individual", "frame", family.traits)
        parts = place(PLANS[family.plan].draw(dials), Placement(30, 30, 50, 50, 0.0, mirrored=False))
        return number_parts(parts, (100, 100)).point([0] + [255] * 255)

    def area_of_difference(first: str, second: str) -> float:
        return float(np.asarray(ImageChops.difference(silhouette(first), silhouette(second))).mean())

    assert area_of_difference("bovidae", "bovidae") == 0
    assert area_of_difference("bovidae", "cervidae") > 5
    assert area_of_difference("ardeidae", "turdidae") > 5


@pytest.mark.parametrize("plan", sorted(PLANS))
def test_every_body_plan_is_drawn_within_bounds(plan: str) -> None:
    for name in range(6):
        parts = PLANS[plan].draw(Dials(f"family{name}", "species", "individual", "frame", {}))
        points = np.concatenate([part.points for part in parts])
        assert 1 < len(parts) <= MAX_PARTS
        assert np.isfinite(points).all()
        assert np.abs(points).max() < 3
        assert np.ptp(points, axis=0).min() > 0.2


def test_tables_name_only_what_exists() -> None:
    for family in FAMILIES:
        assert family.plan in PLANS
        assert set(family.palettes) <= set(PALETTES)
        assert set(family.patterns) <= set(PATTERNS)
        assert all(0 <= dial <= 1 for dial in family.traits.values())
    for body in PLANS.values():
        assert set(body.habitats) <= set(HABITATS)
    assert {habitat.clutter for habitat in HABITATS.values()} == set(CLUTTER) == set(CLUTTER_COUNT)
    assert {plan for plans in PLANS_BY_PHYLUM.values() for plan in plans} <= set(PLANS)


def test_stated_traits_are_read_by_the_body_plan() -> None:
    """A trait that no body plan reads would be a dead entry in the table."""

    class Recorder(Dials):
        read: set[str] = set()  # noqa: RUF012 (one recorder a test)

        def trait(self, name: str, low: float, high: float) -> float:
            self.read.add(name)
            return super().trait(name, low, high)

        def has(self, name: str) -> bool:
            self.read.add(name)
            return super().has(name)

    for family in FAMILIES:
        Recorder.read = set()
        PLANS[family.plan].draw(Recorder(family.name, "s", "i", "f", family.traits))
        assert set(family.traits) <= Recorder.read, family.name


def test_unknown_families_derive_from_their_name() -> None:
    assert family_named("Hyaenidae ", "Chordata").plan == family_named("hyaenidae", "chordata").plan
    names = [f"{letter}idae" for letter in "abcdefghijklmnop"]
    looks = {
        (family.plan, family.palettes, family.patterns) for family in (family_named(name, "chordata") for name in names)
    }
    assert len(looks) >= 15
    assert {family_named(name, "mollusca").plan for name in names} <= set(PLANS_BY_PHYLUM["mollusca"])


def test_derived_mammals_have_fur_colours() -> None:
    derived = [family_named(f"{letter}oridae", "chordata") for letter in "abcdefghijklmnopqrstuvwxyz"]
    furry = [family for family in derived if family.plan == "quadruped"]
    assert furry
    assert all(set(family.palettes) <= set(FURS) <= set(PALETTES) for family in furry)


def test_hashed_numbers_are_those_of_every_machine() -> None:
    """Golden: Python's own hash() would differ from run to run."""
    expected = int.from_bytes(hashlib.blake2b(b"ranidae/legs", digest_size=6).digest(), "big") / 2**48
    assert unit("ranidae", "legs") == expected
    assert 0.45 < np.mean([unit("x", number) for number in range(500)]) < 0.55


def test_a_straight_tube_is_as_wide_as_asked() -> None:
    outline = tube([(0.0, 0.0), (1.0, 0.0)], [0.2, 0.2])
    assert np.allclose([outline.min(axis=0), outline.max(axis=0)], [(-0.2, -0.2), (1.2, 0.2)], atol=1e-9)


def test_later_parts_cover_earlier_ones() -> None:
    square = np.array([(2.0, 2.0), (8.0, 2.0), (8.0, 8.0), (2.0, 8.0)])
    numbers = number_parts([Part(square, Role.COAT), Part(square, Role.BELLY)], (10, 10))
    assert numbers.size == (10 * SUPERSAMPLE, 10 * SUPERSAMPLE)
    assert (numbers.getpixel((0, 0)), numbers.getpixel((10, 10)), numbers.getpixel((4, 10))) == (0, 3, 4)


# --metadata


def test_metadata_draws_one_sound_photo_per_row_at_the_size_asked(tmp_path: Path) -> None:
    rows = [
        metadata_row(100 + 20 * at, family)
        for at, family in enumerate(("hyaenidae", "ranidae", "felidae", "nobodyidae"))
    ]
    table = write_metadata(tmp_path / "m.csv", rows)
    out = draw(tmp_path / "m.zip", "--metadata", str(table), "--min-side", "60", "--max-side", "90")
    members = read_members(out)
    assert set(members) == {"sample/metadata.csv", *(f"sample/{row['file_path']}" for row in rows)}
    assert [row["file_path"] for row in metadata(members)] == [row["file_path"] for row in rows]
    for row in rows:
        image = Image.open(io.BytesIO(members[f"sample/{row['file_path']}"]))
        image.load()
        assert (image.format, image.mode) == ("JPEG", "RGB")
        assert 60 <= min(image.size) <= max(image.size) <= 90
        assert image.size != (60, 60)


def test_metadata_rows_close_in_one_species_are_a_burst(tmp_path: Path) -> None:
    rows = [metadata_row(100), metadata_row(102), metadata_row(110), metadata_row(103, page=8)]
    table = write_metadata(tmp_path / "m.csv", rows)
    members = read_members(draw(tmp_path / "m.zip", "--metadata", str(table), "--min-side", "64", "--max-side", "64"))
    first, near, far, elsewhere = (Image.open(io.BytesIO(members[f"sample/{row['file_path']}"])) for row in rows)
    assert distance(first, near) < 14 < min(distance(first, far), distance(first, elsewhere))


def test_limit_draws_the_first_rows(tmp_path: Path) -> None:
    rows = [metadata_row(100 + 20 * at) for at in range(5)]
    table = write_metadata(tmp_path / "m.csv", rows)
    members = read_members(draw(tmp_path / "m.zip", "--metadata", str(table), "--limit", "2"))
    assert [row["eol_content_id"] for row in metadata(members)] == ["100", "120"]
    assert len(members) == 3


# Mistakes


def bad_table(folder: Path, kind: str) -> Path:
    good = metadata_row(100)
    rows: dict[str, list[dict[str, object]]] = {
        "id": [{**good, "eol_content_id": "many"}],
        "escape": [{**good, "file_path": "../../evil.jpg"}],
        "suffix": [{**good, "file_path": "a/b.gif"}],
        "twice": [good, good],
    }
    table = folder / f"{kind}.csv"
    if kind == "columns":
        table.write_text("family,file_path\nranidae,a.jpg\n", encoding="utf-8")
    elif kind == "latin":
        table.write_bytes(b"family\n\xe9\n")
    elif kind != "missing":
        write_metadata(table, rows[kind])
    return table


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("missing", "where there is no file"),
        ("columns", "no rare_species_id, eol_content_id, eol_page_id"),
        ("latin", "must be UTF-8"),
        ("id", "line 2. Received: 'many'"),
        ("escape", "Received: '../../evil.jpg'"),
        ("suffix", "Received: 'a/b.gif'"),
        ("twice", "twice"),
    ],
)
def test_bad_metadata_is_one_clear_error(
    kind: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["--out", str(tmp_path / "o.zip"), *SMALL, "--metadata", str(bad_table(tmp_path, kind))])
    error = capsys.readouterr().err
    assert code == 1
    assert message in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("o.zip*"))


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--min-side", "100", "--max-side", "90"], "Received: --min-side 100 --max-side 90"),
        (["--min-side", "8", "--max-side", "90"], "at least 32"),
        (["--limit", "0"], "--limit must be at least 1"),
        (["--workers", "0"], "--workers must be at least 1"),
        (["--images", "30"], "Raise --images"),
    ],
)
def test_bad_settings_are_one_clear_error(
    argv: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path / "o.zip"), *argv]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("out", "message"), [("nowhere/o.zip", "mkdir -p"), ("o.tar", "path of a .zip file")])
def test_bad_out_is_one_clear_error(out: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path / out)]) == 1
    assert message in capsys.readouterr().err


def test_a_failure_leaves_the_old_zip_as_it_was(sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = Path(shutil.copy(sample, tmp_path / "o.zip"))

    def fail(job: object) -> bytes:
        raise OSError(28, "No space left on device", str(job))

    monkeypatch.setattr("rare_species.sample.archive.encode_job", fail)
    assert main(["--out", str(out), *SMALL, "--limit", "3"]) == 1
    assert out.read_bytes() == sample.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["o.zip"]
