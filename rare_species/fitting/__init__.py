"""What train and tune share: the loop, its callbacks, optimizers, class imbalance, heads and batches.

Imports: common, data, figures, metrics, networks, params.
"""
