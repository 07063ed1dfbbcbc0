"""Stage evaluate: predictions, intervals, calibration, errors, explanations, and the champion.

Imports: augmentation, common, data, figures, metrics, networks, params, saved_models, tracking.
"""
