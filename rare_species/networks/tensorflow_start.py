"""Start TensorFlow without the lines that it always prints, one of which reads like a failure."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryFile

from rare_species.common.command_line import DEBUG, debugging

log = logging.getLogger(__name__)
NVIDIA = Path("/dev/nvidia0")  # the first GPU of NVIDIA's driver on Linux
HEAD_THREADS = 2  # for a head, on any machine: more threads would round sums differently and change the model


def start_tensorflow(threads: int | None = None) -> None:
    """Import TensorFlow and let it look for devices.

    What it prints is hidden, and shown only when the start fails or when debugging.

    Args:
        threads: see `limit_threads`; TensorFlow's own choice when None.
    """
    if threads is not None:
        limit_threads(threads)
    with nullcontext() if debugging() else _errors_held_back():
        import tensorflow as tf

        # Makes TensorFlow print its notices now, not at the first operation
        devices = tf.config.list_physical_devices()
    if all(device.device_type != "GPU" for device in devices) and _has_gpu():
        log.warning(
            "there is a GPU (%s) that TensorFlow can't use: all is computed on the CPU. %s=1 shows why", NVIDIA, DEBUG
        )


def limit_threads(threads: int) -> None:
    """Set how many threads share an operation's work; call it before the first operation runs.

    TF_NUM_INTRAOP_THREADS in the environment takes precedence.
    """
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))


def _has_gpu() -> bool:
    """Return whether this machine has a GPU that was not hidden on purpose."""
    return NVIDIA.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") not in ("", "-1")


@contextmanager
def _errors_held_back() -> Iterator[None]:
    """Capture what this process and its libraries write to standard error; print it if the block fails."""
    sys.stderr.flush()
    with TemporaryFile() as held:
        kept = os.dup(2)
        os.dup2(held.fileno(), 2)
        failed = False
        try:
            yield
        except BaseException as error:
            failed = not isinstance(error, KeyboardInterrupt)
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            if failed:
                held.seek(0)
                os.write(2, held.read())
