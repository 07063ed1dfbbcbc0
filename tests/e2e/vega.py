"""The scripts that DVC's pages load from a content network, fetched from the npm registry once and checked."""

import base64
import hashlib
import io
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

CONTENT_NETWORK = "https://cdn.jsdelivr.net/npm/"
INTEGRITY = {  # as the registry gives it; the versions are those that DVC's page names
    "vega@5.20.2": "qmH7aD9GGPpssVdxL1xgcdxTbQzyRUeRR16Os385ymvQhiwCYQNA6+eXUPAZDTVLfk0RXu6Jzj6kUE5jQ80EVw==",
    "vega-lite@5.2.0": "Yxcg8MvYfxHcG6BbkaKT0oVCIMIcE19UvqIsEwBmyd/7h2nzW7oRnID81T8UrY7hpDrIr6wa2JADOT2dhGNErw==",
    "vega-embed@6.18.2": "wcDyQPE4J5aiCDc3/suH5RQDvrKkjuLkhzUcbOLwEkNF8/+pp17tS0JghzEvAPNRg+5aG1/N2ydixq8Lk3dOlg==",
}
CACHE = Path(sys.prefix) / "share/vega"  # beside this Python, where nothing of the repository lies


def scripts() -> dict[str, bytes]:
    """Each script by its address, read from the cache; the test is skipped where it has to be fetched and can't be."""
    found = {}
    for package, integrity in INTEGRITY.items():
        name, version = package.split("@")
        file = CACHE / f"{name}-{version}.tgz"
        if not file.is_file():
            fetch(package)
        data = file.read_bytes()
        if base64.b64encode(hashlib.sha512(data).digest()).decode() != integrity:
            raise ValueError(f"Expected {file} with SHA-512 {integrity}. Received another. Remove it and run again.")
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            script = archive.extractfile(f"package/build/{name}.min.js")
            assert script is not None
            found[CONTENT_NETWORK + package] = script.read()
    return found


def fetch(package: str) -> None:
    """Download one package as it was published, with npm."""
    if not shutil.which("npm"):
        pytest.skip(f"needs npm, to fetch {package} once: make browser")
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["npm", "pack", "--loglevel=error", "--ignore-scripts", "--pack-destination", str(CACHE), package]
    result = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, check=False, timeout=120)
    if result.returncode:
        pytest.skip(f"needs the npm registry, to fetch {package} once; npm says: {result.stderr.strip()}")
