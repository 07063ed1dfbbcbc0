"""Write one HTML page about the last run: `python -m rare_species.report --out report.html`.

Reads metrics/, plots/, params.yaml and models/champion/metadata.json, and with --base what git has of them; no photos,
no network.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from rare_species.errors import UserError
from rare_species.paths import Paths
from rare_species.report.changes import compare_with
from rare_species.report.page import render_page
from rare_species.report.run import read_run
from rare_species.stage import describe_os_error

log = logging.getLogger("report")


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page from the command line.

    Args:
        argv: arguments without the program's name; those of the process when None.

    Returns:
        0 when the page is there, 1 when the user has something to mend.
    """
    parser = argparse.ArgumentParser(
        prog="python -m rare_species.report", description="Write one HTML page about the last run."
    )
    parser.add_argument("--out", type=Path, default=Path("report.html"), help="page to write (default: report.html)")
    parser.add_argument("--base", metavar="REV", help="compare with the run of this git revision or DVC experiment")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s report: %(message)s", datefmt="%H:%M:%S")
    try:
        paths = Paths()
        changes = compare_with(args.base, paths) if args.base else None
        page = render_page(read_run(paths), changes)
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(page, encoding="utf-8")
    except UserError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(describe_os_error(error))
    log.info("%s, %.1f MB", args.out, args.out.stat().st_size / 1e6)
    return 0


def _fail(message: str) -> int:
    print(f"report: {message}", file=sys.stderr)  # noqa: T201 (the command's answer)
    return 1


if __name__ == "__main__":
    sys.exit(main())
