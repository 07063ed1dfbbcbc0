"""Write one HTML page about the last run: `python -m rare_species report --out report.html`.

Reads metrics/, plots/, params.yaml and models/champion/metadata.json, and with --base also git's versions of them.
Needs no photos and no network.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.errors import UserError
from rare_species.common.paths import Paths
from rare_species.common.staged_files import staged
from rare_species.report.changes import compare_with
from rare_species.report.last_run import read_last_run
from rare_species.report.page import render_page

log = logging.getLogger(__name__)


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page from the command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if the page is written, 1 if the user has something to mend, 130 after Ctrl-C.
    """
    parser = Parser(prog="python -m rare_species report", description="Write one HTML page about the last run.")
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="page to write (default: report.html)")
    parser.add_argument("--base", metavar="REV", help="compare with the run of this git revision or DVC experiment")
    args = parser.parse_args(argv)
    return run_command("report", lambda: _write(args.out, args.base))


def _write(out: Path, base: str | None) -> int:
    if not out.suffix or out.is_dir():
        raise UserError(f"Expected --out to name a file, such as report.html. Received: {out}. Name another.")
    paths = Paths()
    changes = compare_with(base, paths) if base else None
    page = render_page(read_last_run(paths), changes)
    with staged(out) as (partial,):
        partial.write_text(page, encoding="utf-8")
    log.info("%s, %.1f MB", out, out.stat().st_size / 1e6)
    return 0
