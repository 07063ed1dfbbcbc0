"""Stage split: group photos of the same moment, and assign the groups to train, validation and test.

Imports: common, figures, layouts.
"""
