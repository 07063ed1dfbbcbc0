"""Show the last run in a few lines: `python -m rare_species summary`."""

from __future__ import annotations

from collections.abc import Sequence

from rare_species.common.command import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.evaluate.metrics_file import read_evaluation
from rare_species.report.summary import summarise


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table and where the pictures are.

    Args:
        argv: arguments; those of the process when None.

    Returns:
        0 when there is a run, 1 when the user has something to mend.
    """
    Parser(prog="python -m rare_species summary", description="Show the last run in a few lines.").parse_args(argv)
    return run_command("summary", lambda: _print_summary(Paths()))


def _print_summary(paths: Paths) -> int:
    evaluation = read_evaluation(paths)
    champion = evaluation["champion"]
    print(summarise(evaluation))
    print(f"model:    models/champion/model.keras\npictures: plots/evaluate/{champion}/ and plots/*/")
    print("browser:  dvc plots show --open")
    return 0
