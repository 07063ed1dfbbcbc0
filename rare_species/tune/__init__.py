"""Stage tune: the search over the classifier's parameters, and its pictures.

Imports: common, data, figures, fitting, metrics, params, saved_models, tracking.
"""
