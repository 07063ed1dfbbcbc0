"""The commands that people run beside the stages, thin: `python -m rare_species COMMAND`.

Imports: backbones, common, compare, data, evaluate, export, figures, images, networks, parallel, params, predict,
report, sample, treatments.
"""
