"""The schema of params.yaml, a file for each section.

Imports: augmentation, common, fitting, treatments.
"""
