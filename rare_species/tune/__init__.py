"""Stage tune: the search over the classifier's parameters, and its pictures.

Imports: common, data, figures, fitting, metrics, models, params, tracking.
"""
