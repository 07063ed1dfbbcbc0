"""A toy project for tests: 3 families of 8 tiny photos each, and parameters small enough for seconds."""

import csv
import hashlib
import importlib
import io
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from PIL import Image, ImageDraw

REPO = Path(__file__).parents[1]
STAGES = ("unzip", "clean", "split", "preprocess", "embed", "train", "tune", "evaluate")
SEED = 7
PHOTOS = 8
PATIENCE_S = 120

# Family -> phylum, species, colour. The ids of photos are 100 apart: no two of them are one burst.
FAMILIES: Mapping[str, tuple[str, int, tuple[int, int, int]]] = {
    "Felidae": ("Chordata", 11, (200, 60, 40)),
    "Formicidae": ("Arthropoda", 12, (40, 170, 60)),
    "Ranidae": ("Chordata", 13, (40, 60, 200)),
}
METADATA_COLUMNS = ("eol_content_id", "eol_page_id", "phylum", "family", "file_path")
PARAMETERS: Mapping[str, Any] = {
    "unzip.archive": "data/raw/sample.zip",
    "preprocess.image_size": 32,
    "preprocess.shard_images": 10,
    "model.name": "efficientnetlite0",
    "model.weights": "imagenet",  # they come with requirements.txt; random ones give all photos the same features
    "train.epochs": 3,
    "train.batch_size": 8,
    "train.head.units": [8],
    "train.cnn.filters": [4],
    "train.cnn.dense": 8,
    "tune.trials": 2,
    "tune.base.epochs": 2,
    "evaluate.top_k": 2,
    "evaluate.resamples": 100,
}


def draw_photo(colour: tuple[int, int, int], seed: int) -> bytes:
    """A JPEG of random blocks in one tint, 32 to 48 px a side; another seed gives another perceptual hash."""
    rng = np.random.default_rng(seed)
    blocks = np.clip(np.array(colour) + rng.integers(-60, 60, (8, 8, 1)), 0, 255).astype(np.uint8)
    width, height = (int(side) for side in rng.integers(32, 49, 2))
    buffer = io.BytesIO()
    Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def draw_page(width: int = 360, height: int = 480) -> Image.Image:
    """A page of text: dark words of random length in lines on white paper."""
    rng = np.random.default_rng(SEED)
    page = Image.new("RGB", (width, height), (250, 248, 240))
    draw = ImageDraw.Draw(page)
    line = height // 32
    for y in range(2 * line, height - 2 * line, line):
        x = width // 12
        while x < width * 10 // 12:
            for _ in range(int(rng.integers(2, 9))):  # letters: an upright stroke and a level one
                draw.line([(x, y), (x, y + line // 2), (x + line // 4, y + line // 2)], fill=(30, 30, 30))
                x += line // 3 + 1
            x += line // 2
    return page


def draw_photos(counts: Mapping[str, int] | None = None) -> tuple[dict[str, bytes], list[dict[str, str]]]:
    """Photos by path, and the rows of metadata.csv; `counts` photos of each family, 8 when not given."""
    photos, rows = {}, []
    for family, (phylum, species, colour) in FAMILIES.items():
        for number in range((counts or {}).get(family, PHOTOS)):
            content_id = species * 10_000 + number * 100
            path = f"{family}/{content_id}.jpg"
            photos[path] = draw_photo(colour, SEED + content_id)
            rows.append(dict(zip(METADATA_COLUMNS, map(str, (content_id, species, phylum, family, path)), strict=True)))
    return photos, rows


def write_metadata(rows: list[dict[str, str]], columns: tuple[str, ...] = METADATA_COLUMNS) -> bytes:
    """The bytes of a metadata.csv with these columns."""
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, columns, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def write_zip(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of these files; the same files give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def write_archive(path: Path, counts: Mapping[str, int] | None = None) -> Path:
    """The toy archive: metadata.csv, the photos, and one file that metadata.csv does not list."""
    photos, rows = draw_photos(counts)
    return write_zip(path, {"metadata.csv": write_metadata(rows), **photos, "Felidae/notes.txt": b"not a photo"})


def write_params(folder: Path, parameters: Mapping[str, Any] | None = None) -> None:
    """Write params.yaml: the project's, with the toy's parameters and then `parameters` (dotted names) in place."""
    document = yaml.safe_load((REPO / "params.yaml").read_text(encoding="utf-8"))
    for parameter, value in {**PARAMETERS, **(parameters or {})}.items():
        *sections, name = parameter.split(".")
        place = document
        for section in sections:
            place = place[section]
        place[name] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")


def write_project(folder: Path, parameters: Mapping[str, Any] | None = None) -> Path:
    """What the first stage needs: archive, list of exclusions and params.yaml."""
    write_archive(folder / PARAMETERS["unzip.archive"])
    (folder / "data/exclude.csv").write_text("file_path\n", encoding="utf-8")
    write_params(folder, parameters)
    return folder


def run_stage(name: str) -> int:
    """Run a stage in the current folder, as `python -m stages.<name>` would."""
    if "keras" in sys.modules:  # Keras numbers unnamed layers through a process; a stage has one of its own
        sys.modules["keras"].utils.clear_session()
    return int(importlib.import_module(f"stages.{name}").main([]))


def run_apart(name: str, log: Path) -> int:
    """Run a stage in a process of its own, in the current folder; what it says on stderr goes into a file."""
    with _started(name, log) as process:
        return process.wait(PATIENCE_S)


def kill_when(condition: Callable[[], object], name: str, log: Path) -> None:
    """Start a stage as `run_apart` does, and send it SIGKILL once something is true."""
    with _started(name, log) as process:
        until = time.monotonic() + PATIENCE_S
        while not condition():
            assert process.poll() is None, f"stage {name} ended before it could be killed"
            assert time.monotonic() < until
            time.sleep(0.01)
        process.kill()
        assert process.wait(PATIENCE_S) == -signal.SIGKILL


@contextmanager
def _started(name: str, log: Path) -> "Iterator[subprocess.Popen[bytes]]":
    command = [sys.executable, "-m", f"stages.{name}"]
    with (
        log.open("wb") as stream,
        subprocess.Popen(command, env={"PYTHONPATH": str(REPO), "PATH": ""}, stderr=stream) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


def snapshot(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by relative path; empty folders end in "/"."""
    return {
        path.relative_to(folder).as_posix() + "/" * path.is_dir(): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() or not any(path.iterdir())
    }


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
