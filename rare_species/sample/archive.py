"""Draw the photos of all rows into a zip, whose bytes are the same on every machine and for any number of workers."""

import zipfile
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rare_species.common.errors import UserError
from rare_species.common.staged_files import staged
from rare_species.parallel.pools import map_in_processes
from rare_species.sample.encoding import Job, encode_job
from rare_species.sample.photo import Subject
from rare_species.sample.planted import Entry, plant_defects
from rare_species.sample.rows import Row, burst_starts, make_rows, read_rows, write_rows

TOP_FOLDER = "sample"
SMALLEST_SIDE = 32
# The earliest time that the zip format can store.
EPOCH = (1980, 1, 1, 0, 0, 0)
UNIX = 3


@dataclass(frozen=True)
class Settings:
    """What to draw.

    Attributes:
        out: zip to write.
        metadata: CSV with one row per photo to draw; None to draw the default sample with its defects.
        images: approximate number of photos of the default sample, without its duplicates.
        limit: number of rows to draw, from the first; None for all.
        min_side: smallest side of a photo, in pixels.
        max_side: largest side of a photo, in pixels.
        seed: seed of all randomness; another seed gives other photos of the same families.
        workers: number of processes; the bytes of the zip do not depend on it.
    """

    out: Path
    metadata: Path | None
    images: int
    limit: int | None
    min_side: int
    max_side: int
    seed: int
    workers: int


def draw_archive(settings: Settings) -> int:
    """Draw all photos and write them to one zip; if something fails, no zip is written.

    Args:
        settings: what to draw and where.

    Returns:
        Number of image files written.

    Raises:
        UserError: if a setting or the metadata is wrong.
    """
    _check(settings)
    every = _entries(settings)
    entries, starts = every[: settings.limit], burst_starts(entry.drawn_as for entry in every)
    rows = [entry.row for entry in entries if entry.has_row]
    jobs = _jobs(entries, starts, settings)
    with staged(settings.out) as (partial,), zipfile.ZipFile(partial, "w") as archive:
        archive.writestr(_member("metadata.csv", zipfile.ZIP_DEFLATED), write_rows(rows), compresslevel=9)
        with closing(map_in_processes(encode_job, jobs, "draw", settings.workers)) as files:
            for job, data in zip(jobs, files, strict=True):
                archive.writestr(_member(job.path, zipfile.ZIP_STORED), data)
    return len(jobs)


def _check(settings: Settings) -> None:
    if not SMALLEST_SIDE <= settings.min_side <= settings.max_side:
        raise UserError(
            f"--min-side must be at least {SMALLEST_SIDE} and at most --max-side. "
            f"Received: --min-side {settings.min_side} --max-side {settings.max_side}. Change one of them."
        )
    for name, value in (("images", settings.images), ("limit", settings.limit), ("workers", settings.workers)):
        if value is not None and value < 1:
            raise UserError(f"--{name} must be at least 1. Received: {value}. Give a larger number.")
    if not settings.out.parent.is_dir():
        raise UserError(
            f"--out must be a file in a folder that exists. Received: {settings.out}. "
            f"Make the folder first: mkdir -p {settings.out.parent}"
        )
    if settings.out.is_dir() or settings.out.suffix != ".zip":
        raise UserError(
            f"--out must be the path of a .zip file. Received: {settings.out}. "
            "Name a file, such as data/raw/sample.zip."
        )


def _entries(settings: Settings) -> list[Entry]:
    if settings.metadata is None:
        return plant_defects(make_rows(settings.seed, settings.images), settings.seed)
    return [Entry(row, None, row) for row in read_rows(settings.metadata)]


def _jobs(entries: Sequence[Entry], starts: Mapping[tuple[str, int], int], settings: Settings) -> list[Job]:
    return [
        Job(
            path=entry.row.file_path,
            subject=_subject(entry.drawn_as, starts, settings.seed),
            min_side=settings.min_side,
            max_side=settings.max_side,
            defect=entry.defect,
        )
        for entry in entries
        if entry.has_file
    ]


def _subject(row: Row, starts: Mapping[tuple[str, int], int], seed: int) -> Subject:
    burst = starts[row.eol_page_id, row.eol_content_id]
    return Subject(
        family=row.family,
        phylum=row.phylum,
        species=f"{row.family}-{row.eol_page_id}",
        burst=f"{seed}-{row.eol_page_id}-{burst}",
        frame=f"{seed}-{row.eol_page_id}-{row.eol_content_id}",
    )


def _member(path: str, compression: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(f"{TOP_FOLDER}/{path}", EPOCH)
    info.compress_type, info.create_system, info.external_attr = compression, UNIX, 0o100644 << 16
    return info
