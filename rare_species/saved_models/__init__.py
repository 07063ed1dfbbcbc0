"""Saved classifiers: the files in their folders, how they are written, and how they are checked and read.

Imports: common, data, networks.
"""
