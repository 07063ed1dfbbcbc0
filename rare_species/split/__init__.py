"""Stage split: groups of photos of one moment, and their assignment to train, validation and test.

Imports: common, figures, layouts.
"""
