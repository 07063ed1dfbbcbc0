"""Pretrained networks that turn photos into features: the registry, building them, their weights.

Imports: common, networks.
"""
