"""Drawn stand-in for the wildlife archive: procedural creatures in a zip laid out like the real one.

Imports: common, parallel.
"""
