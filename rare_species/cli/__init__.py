"""Thin commands that people run besides the stages: `python -m rare_species COMMAND`.

Imports: backbones, common, compare, evaluate, export, figures, networks, params, predict, report, sample.
"""
