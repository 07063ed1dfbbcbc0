"""The schema of params.yaml, a file for each section.

Imports: augmentation, backbones, common, fitting, layouts, treatments.
"""
