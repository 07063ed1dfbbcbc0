"""What people run beside the stages: `python -m rare_species COMMAND`, or `rare-species COMMAND` once installed."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping, Sequence

# Each is a module of `rare_species.cli`, which is imported only when it is called, so that --help is quick
COMMANDS: Mapping[str, str] = {
    "predict": "name the family on photos, with the champion",
    "export": "write the champion for other programs: Keras, SavedModel, TFLite or ONNX",
    "compare": "judge one run against another on the same test photos",
    "split-gap": "show how much a split flatters: runs whose test photos differ",
    "report": "write one HTML page about the last run",
    "summary": "show the last run in a few lines",
    "apply": "set parameters of params.yaml as a file names them, such as models/tune/best.yaml",
    "backbones": "list the backbones, or find their weights",
    "treatments": "draw the same photos under every treatment",
    "sample": "draw a sample archive",
}
MISTAKE = 1


def main(argv: Sequence[str] | None = None) -> int:
    """List the commands, or run one.

    Args:
        argv: a command and its arguments; those of the process when None.

    Returns:
        The command's exit code; 0 after the list, 1 when there is no such command.
    """
    name, *arguments = (sys.argv[1:] if argv is None else argv) or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return 0
    if name not in COMMANDS:
        print(_unknown(name), file=sys.stderr)
        return MISTAKE
    command = importlib.import_module(f"rare_species.cli.{name.replace('-', '_')}")
    return int(command.main(arguments))


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = [f"  {name:{width}}  {what}" for name, what in COMMANDS.items()]
    return "\n".join(
        [
            "usage: python -m rare_species COMMAND [ARGUMENT ...]",
            "",
            *lines,
            "",
            "python -m rare_species COMMAND --help describes one command; dvc repro runs the pipeline.",
        ]
    )


def _unknown(name: str) -> str:
    likely = difflib.get_close_matches(name, COMMANDS, n=1)
    advice = f"Did you mean {likely[0]}?" if likely else "List them with python -m rare_species --help."
    return f"rare_species: expected one of {', '.join(COMMANDS)}. Received: {name!r}. {advice}"


if __name__ == "__main__":
    sys.exit(main())
