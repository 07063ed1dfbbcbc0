"""Metrics of predictions, such as macro F1: one value for one set of photos.

Imports: common.
"""
