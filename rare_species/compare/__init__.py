"""Two runs on the same test photos: paired statistics, and whether the model got worse.

Imports: common, evaluate, metrics, params.
"""
