"""Set parameters of params.yaml to the values in a file: `python -m rare_species apply models/tune/best.yaml`.

The file holds a part of params.yaml. Only the parameters that it names change, but the `space` of a search is replaced
as a whole; comments and order are kept. Nothing is written unless the result is valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.read_params import PARAMS
from rare_species.common.terminal import printable
from rare_species.params.edit_file import apply


def main(argv: Sequence[str] | None = None) -> int:
    """Set the parameters and print what changed.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if they are set, 1 if the user has something to mend, 130 after Ctrl-C.
    """
    parser = Parser(prog="python -m rare_species apply", description=__doc__)
    parser.add_argument("file", type=Path, help="YAML with the parameters to set, nested as in params.yaml")
    parser.add_argument("--params", type=Path, default=Path(PARAMS), help=f"default: {PARAMS}")
    args = parser.parse_args(argv)
    return run_command("apply", lambda: _print_changes(args.file, args.params))


def _print_changes(part: Path, params: Path) -> int:
    changes = apply(part, params)
    print("\n".join(map(printable, changes or [f"{params} has all of these values already"])))
    return 0
