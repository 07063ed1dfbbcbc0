"""What train and tune share: parameters, the loop, its callbacks, optimizers, class imbalance, heads and batches.

Imports: common, data, figures, metrics, networks, saved_models.
"""
