"""rare_species.networks.tensorflow_start: a start says nothing, unless it fails."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.toy import REPO

START = """
import os, sys
from rare_species.networks.tensorflow_start import start_tensorflow
print("before", file=sys.stderr)
start_tensorflow(threads=3)
print("after", file=sys.stderr)
os.system("echo a child of it >&2")
import tensorflow as tf
tf.zeros(3) + 1
print(os.environ["TF_NUM_INTRAOP_THREADS"])
"""


def run(code: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(folder), str(REPO)])} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_our_own_lines_are_on_standard_error(tmp_path: Path) -> None:
    result = run(START, tmp_path, TF_NUM_INTRAOP_THREADS="2", TF_CPP_MIN_LOG_LEVEL="2")
    assert result.returncode == 0, result.stderr
    assert result.stderr == "before\nafter\na child of it\n"
    assert result.stdout == "2\n", "the environment goes before"


def test_what_was_said_is_given_out_when_the_start_fails(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.system('echo a missing library >&2')\nraise ImportError('x')\n"
    )
    result = run(START, tmp_path)
    assert result.returncode == 1
    assert result.stderr.startswith("before\na missing library\nTraceback")


def test_what_was_said_is_not_given_out_after_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("import os\nos.system('echo a line >&2')\nraise KeyboardInterrupt\n")
    assert "a line" not in run(START, tmp_path).stderr.partition("Traceback")[0]


def test_threads_are_those_that_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "tensorflow.py").write_text("class config:\n    list_physical_devices = staticmethod(lambda: [])\n")
    code = START.replace("tf.zeros(3) + 1", "")
    environment = {name: value for name, value in os.environ.items() if name != "TF_NUM_INTRAOP_THREADS"}
    result = subprocess.run(
        [sys.executable, "-c", code],
        env=environment | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(REPO)])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout == "3\n"


DEVICES = """
import os
from types import SimpleNamespace
os.system('echo what it says >&2')
class config:
    list_physical_devices = staticmethod(lambda: [SimpleNamespace(device_type=kind) for kind in {kinds}])
if {aborts}:
    os.abort()
"""
START_HERE = """
import sys
from pathlib import Path
from rare_species.networks import tensorflow_start
tensorflow_start.NVIDIA = Path(sys.executable if {gpu} else "no-such-gpu")
tensorflow_start.start_tensorflow()
"""


def start_here(
    folder: Path, *, kinds: tuple[str, ...], gpu: bool = False, aborts: bool = False, **environment: str
) -> "subprocess.CompletedProcess[str]":
    (folder / "tensorflow.py").write_text(DEVICES.format(kinds=kinds, aborts=aborts))
    return run(START_HERE.format(gpu=gpu), folder, **environment)


def test_nothing_is_held_back_from_who_is_debugging(tmp_path: Path) -> None:
    result = start_here(tmp_path, kinds=("CPU",), aborts=True, RARE_SPECIES_DEBUG="1")
    assert result.returncode == -signal.SIGABRT
    assert result.stderr == "what it says\n"


@pytest.mark.parametrize(
    ("kinds", "gpu", "hidden", "is_told"),
    [
        (("CPU",), True, "0", True),
        (("CPU",), True, "-1", False),
        (("CPU",), False, "0", False),
        (("CPU", "GPU"), True, "0", False),
    ],
    ids=["not usable", "hidden on purpose", "none there", "used"],
)
def test_a_gpu_that_is_not_used_is_one_line(
    tmp_path: Path, kinds: tuple[str, ...], gpu: bool, hidden: str, is_told: bool
) -> None:
    result = start_here(tmp_path, kinds=kinds, gpu=gpu, CUDA_VISIBLE_DEVICES=hidden)
    assert result.returncode == 0, result.stderr
    assert ("that TensorFlow can't use: all is computed on the CPU" in result.stderr) == is_told
    assert len(result.stderr.splitlines()) == is_told
