"""Draw a sample archive: `python -m rare_species sample --out data/raw/sample.zip`.

Reads at most one metadata.csv, and writes one zip. Takes about 15 s on two cores for the default 900 photos.
"""

import logging
from collections.abc import Sequence
from pathlib import Path

from rare_species.common.command_line import Parser, run_command
from rare_species.common.cores import available_cores
from rare_species.sample.archive import Settings, draw_archive

log = logging.getLogger(__name__)


def parse_settings(argv: Sequence[str] | None) -> Settings:
    """Read settings from a command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        The settings, not yet checked.
    """
    parser = Parser(prog="python -m rare_species sample", description="Draw a sample archive.")
    parser.add_argument("--out", type=Path, required=True, help="zip to write")
    parser.add_argument("--metadata", type=Path, help="metadata.csv: draw exactly one photo per row, without defects")
    parser.add_argument(
        "--images", type=int, default=900, help="approximate number of photos without --metadata (default: 900)"
    )
    parser.add_argument("--limit", type=int, help="draw only the first LIMIT rows")
    parser.add_argument("--min-side", type=int, default=160, help="smallest side in pixels (default: 160)")
    parser.add_argument("--max-side", type=int, default=288, help="largest side in pixels (default: 288)")
    parser.add_argument("--seed", type=int, default=0, help="default: 0")
    parser.add_argument("--workers", type=int, default=available_cores(), help="processes (default: available cores)")
    return Settings(**vars(parser.parse_args(argv)))


def main(argv: Sequence[str] | None = None) -> int:
    """Draw an archive from the command line.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if the zip is complete, 1 if the user has something to mend.
    """
    settings = parse_settings(argv)
    return run_command("sample", lambda: _draw(settings))


def _draw(settings: Settings) -> int:
    files = draw_archive(settings)
    log.info("%d files, %.1f MB: %s", files, settings.out.stat().st_size / 1e6, settings.out)
    return 0
