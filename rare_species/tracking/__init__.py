"""Record a fit while it runs, with dvclive; the only room that imports dvclive.

Imports: common.
"""
