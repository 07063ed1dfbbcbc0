"""Record a fit while it runs, with dvclive; the only package that imports dvclive.

Imports: common.
"""
