"""Stage unzip: refuse hostile archives, unpack them, and list the labels.

Imports: common, layouts, params.
"""
