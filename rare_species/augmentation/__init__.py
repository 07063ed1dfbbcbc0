"""Random changes to photos in training and testing: their parameters and the layers that make them.

Imports: common.
"""
