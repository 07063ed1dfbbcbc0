"""Classifiers as they are saved: their folder, its network, and the data they are fitted to and measured on.

Imports: common, data, networks.
"""
