"""Judge one run against another on the same test photos: `python -m rare_species compare [BASE] [HEAD]`.

BASE and HEAD are git revisions, names of DVC experiments, or "workspace", the files as they are now. Section `compare`
of the workspace's params.yaml says how much worse a metric must be to count as regressed.

exit codes:
  0  nothing regressed
  1  something regressed, disappeared or is not a number
  2  not comparable: the runs have different test photos or families
  3  an error: no such revision or experiment, a file that is missing or broken, a wrong argument
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from rare_species.common.command_line import Parser, run_command
from rare_species.common.paths import Paths
from rare_species.common.terminal import printable_lines
from rare_species.compare.judge import judge
from rare_species.compare.output_formats import as_json, as_markdown, as_text, refusal_json, refusal_markdown
from rare_species.compare.paired import DifferentTestSetsError
from rare_species.compare.runs import WORKSPACE

FINE, REGRESSED, NOT_COMPARABLE, ERROR = range(4)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare two runs and print the verdict.

    Args:
        argv: arguments without the program's name; None for those of the process.

    Returns:
        The exit code, see this module's docstring.
    """
    arguments = _parse(argv)
    # a verdict that could not be printed in full counts as an error: 0 would say that nothing regressed
    return run_command("compare", lambda: _compare(arguments, Paths()), mistake=ERROR, unread=ERROR)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(
        mistake=ERROR,
        prog="python -m rare_species compare",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("base", nargs="?", default="HEAD", metavar="BASE", help="what to compare with; default: HEAD")
    parser.add_argument("head", nargs="?", default=WORKSPACE, metavar="HEAD", help="what to judge; default: workspace")
    parser.add_argument("--model", choices=("champion", "train", "tune"), default="champion", help="default: champion")
    output = parser.add_mutually_exclusive_group()
    output.add_argument("--json", action="store_true", help="print everything for a program")
    output.add_argument("--markdown", action="store_true", help="print a comment for a pull request")
    return parser.parse_args(argv)


def _compare(arguments: argparse.Namespace, paths: Paths) -> int:
    model = None if arguments.model == "champion" else arguments.model
    try:
        comparison = judge(arguments.base, arguments.head, paths, model)
    except DifferentTestSetsError as refusal:
        print(printable_lines(str(refusal)), file=sys.stderr)
        if arguments.json:
            _print_json(refusal_json(refusal))
        elif arguments.markdown:
            print(printable_lines(refusal_markdown(refusal)))
        return NOT_COMPARABLE
    if arguments.json:
        _print_json(as_json(comparison))
    else:
        print(printable_lines(as_markdown(comparison) if arguments.markdown else as_text(comparison)))
    return REGRESSED if comparison.regressed else FINE


def _print_json(content: object) -> None:
    print(json.dumps(content, indent=2, allow_nan=False, default=str))
