"""Metrics of predictions, an entry each in the registry: values, samples for intervals, bounds, what is better.

Imports: common.
"""
