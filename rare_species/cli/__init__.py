"""The commands that people run beside the stages, thin: `python -m rare_species COMMAND`.

Imports: backbones, common, compare, evaluate, export, figures, networks, params, predict, report, sample.
"""
