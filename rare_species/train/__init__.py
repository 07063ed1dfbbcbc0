"""Stage train: the members of the classifier, fine-tuning, and the baseline from scratch.

Imports: augmentation, common, data, fitting, models, networks, params.
"""
