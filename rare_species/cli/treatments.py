"""Draw the same photos under every treatment: `python -m rare_species treatments --out treatments.jpg`.

Reads section `preprocess` of params.yaml, data/images/ and data/split/split.csv. The outputs of stage preprocess are
not touched.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.read_params import PARAMS, load_params
from rare_species.common.staged_files import staged
from rare_species.figures.style import save_jpeg
from rare_species.params.preprocess import PreprocessParams
from rare_species.report.treatment_panel import available_treatments, choose_photos, draw_panel

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Params:
    """The sections of params.yaml that this command reads."""

    preprocess: PreprocessParams


def main(argv: Sequence[str] | None = None) -> int:
    """Draw the panel from the command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if the picture is written, 1 if the user has something to mend.
    """
    parser = Parser(prog="python -m rare_species treatments", description="Draw the same photos under every treatment.")
    parser.add_argument("--out", type=Path, required=True, help="JPEG to write")
    args = parser.parse_args(argv)
    return run_command("treatments", lambda: _write(args.out))


def _write(out: Path) -> int:
    if out.suffix.lower() not in (".jpg", ".jpeg"):
        raise UserError(f"Expected --out to end in .jpg or .jpeg. Received: {out}. Rename it.")
    params = load_params(Path(PARAMS), Params).preprocess
    with staged(out) as (partial,):
        save_jpeg(draw_panel(choose_photos(Paths(), params), available_treatments(params)), partial)
    log.info("%s", out)
    return 0
