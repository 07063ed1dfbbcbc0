"""Find the entries of a registry: each module of a package registers one, so another file is another entry."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any


def find_registered(package: str, name: str) -> Iterator[Any]:
    """Import the modules of a package, and yield what each of them registers.

    Args:
        package: full name of the package, such as `rare_species.treatments`.
        name: name of the variable that registers an entry, such as "TREATMENT"; modules without it are skipped.
    """
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
        found = importlib.import_module(f"{package}.{module.name}")
        if hasattr(found, name):
            yield getattr(found, name)
