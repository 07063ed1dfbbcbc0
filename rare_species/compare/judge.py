"""Judge one run against another by the rules of params.yaml."""

from __future__ import annotations

from dataclasses import dataclass

from rare_species.common.paths import Paths
from rare_species.common.read_params import PARAMS, load_params
from rare_species.compare.paired import Comparison, compare_runs
from rare_species.compare.runs import find_revision, read_run
from rare_species.params.compare import CompareParams
from rare_species.params.evaluate import EvaluateParams


@dataclass(frozen=True)
class Params:
    """Sections of params.yaml."""

    evaluate: EvaluateParams
    compare: CompareParams


def judge(base: str, head: str, paths: Paths, model: str | None = None) -> Comparison:
    """Compare two runs on the same test photos.

    Args:
        base: git revision, DVC experiment or "workspace" that is compared with.
        head: the same of what is judged.
        paths: the pipeline's folders; params.yaml there says when a metric regressed.
        model: "train" or "tune"; each run's champion when None.

    Raises:
        UserError: when there is no such revision, or it has no run.
        DifferentTestSetsError: when their test photos differ.
    """
    params = load_params(paths.root / PARAMS, Params)
    before, now = (read_run(find_revision(name, paths.root), model) for name in (base, head))
    return compare_runs(before, now, params.compare, params.evaluate.top_k)
