"""Weights and networks that try to run code when they are read; a child reads each, and none may leave a trace."""

from __future__ import annotations

import base64
import io
import json
import marshal
import pickle
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.campaign.attempt import Attempt, Outcome
from rare_species.backbones.torch_checkpoint import MAGIC_NUMBER, PROTOCOL_VERSION

CALLS: Mapping[str, tuple[str, str, str]] = {  # module, function, argument as Python
    "os.system": ("os", "system", "'touch {canary}'"),
    "posix.system": ("posix", "system", "'touch {canary}'"),
    "os.popen": ("os", "popen", "'touch {canary}'"),
    "os.mkdir": ("os", "mkdir", "'{canary}'"),
    "subprocess.run": ("subprocess", "run", "['touch', '{canary}']"),
    "subprocess.Popen": ("subprocess", "Popen", "['touch', '{canary}']"),
    "builtins.exec": ("builtins", "exec", '\'open("{canary}", "w")\''),
    "builtins.eval": ("builtins", "eval", '\'open("{canary}", "w")\''),
    "pathlib.Path.touch": ("pathlib", "Path.touch", "__import__('pathlib').Path('{canary}')"),
    "shutil.os.system": ("shutil", "os.system", "'touch {canary}'"),
    "runpy.run_path": ("runpy", "run_path", "'{script}'"),
    "timeit.timeit": ("timeit", "timeit", '\'open("{canary}", "w")\''),
    "os.makedirs": ("os", "makedirs", "'{canary}'"),
    "pickle.loads": ("pickle", "loads", "b'cos\\nsystem\\n(S\"touch {canary}\"\\ntR.'"),
}
READER = """
import sys
from pathlib import Path
import json
kind, *files = sys.argv[1:]
if kind == "pickle":
    from rare_species.backbones.torch_checkpoint import read_checkpoint as read
else:
    from rare_species.networks.keras_files import load_keras as read
for file in files:
    try:
        read(Path(file))
        said = "accepted"
    except Exception as error:
        said = type(error).__name__
    print(json.dumps([file, said]), flush=True)
"""


class _Call:
    """An object whose pickle calls a function when it is read."""

    def __init__(self, module: str, name: str, argument: Any) -> None:
        function: Any = __import__(module)
        for part in name.split("."):
            function = getattr(function, part)
        self.reduced = (function, (argument,))

    def __reduce__(self) -> tuple[Any, ...]:
        return self.reduced


def read_hostile_files() -> Iterator[Attempt]:
    """Write hostile checkpoints and networks, and read each in a process of its own kind."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield from _read("pickle", _pickles(folder), folder)
        yield from _read("network", _networks(folder), folder)


def _read(kind: str, files: Mapping[str, Path], folder: Path) -> Iterator[Attempt]:
    arguments = [sys.executable, "-c", READER, kind, *map(str, files.values())]
    ended = subprocess.run(arguments, capture_output=True, text=True, check=False)
    said = dict(json.loads(line) for line in ended.stdout.splitlines() if line.startswith("["))
    for name, file in files.items():
        if _canary(folder, name).exists():
            yield Attempt(f"hostile {kind}", name, Outcome.ESCAPED, "it ran")
        elif str(file) not in said:
            yield Attempt(f"hostile {kind}", name, Outcome.TRACEBACK, ended.stderr[-300:])
        else:
            accepted = said[str(file)] == "accepted"
            yield Attempt(f"hostile {kind}", name, Outcome.ACCEPTED if accepted else Outcome.MESSAGE, said[str(file)])


def _canary(folder: Path, name: str) -> Path:
    return folder / f"ran-{name.replace(' ', '-').replace('.', '-')}"


def _pickles(folder: Path) -> dict[str, Path]:
    """Legacy checkpoints whose state dict is a call, in two protocols."""
    found: dict[str, Path] = {}
    for name, (module, function, argument) in CALLS.items():
        for protocol in (2, 4):
            label = f"{name} protocol {protocol}"
            canary, script = _canary(folder, label), folder / f"{len(found)}.py"
            script.write_text(f"open({str(canary)!r}, 'w')", encoding="utf-8")
            text = argument.format(canary=canary, script=script)
            call = _Call(module, function, eval(text, {}))  # the text is ours
            buffer = io.BytesIO()
            parts: tuple[Any, ...] = (MAGIC_NUMBER, PROTOCOL_VERSION, {"little_endian": True}, call, [])
            for part in parts:
                pickle.dump(part, buffer, protocol)
            found[label] = folder / f"{len(found)}.pth"
            found[label].write_bytes(buffer.getvalue())
    return found


def _networks(folder: Path) -> dict[str, Path]:
    """Files of Keras whose configuration names what is not a layer."""
    found: dict[str, Path] = {}
    for name, layer in _gadgets().items():
        label = f"Keras {name}"
        canary = _canary(folder, label)
        found[label] = folder / f"{len(found)}.keras"
        with zipfile.ZipFile(found[label], "w") as archive:
            archive.writestr("metadata.json", json.dumps({"keras_version": "3.15.1"}))
            archive.writestr("config.json", json.dumps(_sequential(layer(canary))))
            archive.writestr("model.weights.h5", b"")
    return found


def _gadgets() -> dict[str, Callable[[Path], dict[str, Any]]]:
    def code(canary: Path) -> str:
        source = compile(f"open({str(canary)!r}, 'w')", "x", "eval")
        return base64.b64encode(marshal.dumps(source)).decode()

    def lambda_layer(canary: Path) -> dict[str, Any]:
        function = {"class_name": "__lambda__", "config": {"code": code(canary), "defaults": None, "closure": None}}
        return {"module": "keras.layers", "class_name": "Lambda", "config": {"name": "x", "function": function}}

    def named(module: str, name: str, config: Callable[[Path], Any]) -> Callable[[Path], dict[str, Any]]:
        return lambda canary: {"module": module, "class_name": name, "config": config(canary), "registered_name": name}

    return {
        "Lambda": lambda_layer,
        "os.system": named("os", "system", lambda canary: f"touch {canary}"),
        "builtins.exec": named("builtins", "exec", lambda canary: f"open({str(canary)!r}, 'w')"),
        "subprocess.Popen": named("subprocess", "Popen", lambda canary: {"args": ["touch", str(canary)]}),
        "function os.system": named("os", "function", lambda _: "system"),
        "get_file": named("keras.utils", "function", lambda _: "get_file"),
        "TFSMLayer": named("keras.layers", "TFSMLayer", lambda canary: {"filepath": str(canary)}),
        "pathlib": named("pathlib", "Path", lambda canary: {"args": [str(canary)]}),
    }


def _sequential(layer: dict[str, Any]) -> dict[str, Any]:
    given = {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [None, 2], "name": "in"}}
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "x", "layers": [given, layer]}}
