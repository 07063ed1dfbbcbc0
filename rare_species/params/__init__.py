"""The schema of params.yaml, one module for each section.

Imports: augmentation, backbones, common, fitting, layouts, treatments.
"""
