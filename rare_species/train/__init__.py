"""Stage train: the members of the classifier, fine-tuning, and the baseline from scratch.

Imports: augmentation, common, data, figures, fitting, metrics, networks, params, tracking.
"""
