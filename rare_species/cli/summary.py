"""Show the last run in a few lines: `python -m rare_species summary`."""

from __future__ import annotations

from collections.abc import Sequence

from rare_species.common.command_line import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.evaluate.metrics_file import read_evaluation
from rare_species.report.summary import summarise


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table of metrics, and where to find the model and the pictures.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        0 if there is a run, 1 if the user has something to mend.
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
