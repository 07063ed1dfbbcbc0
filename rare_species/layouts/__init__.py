"""Input layouts, a file for each: how an archive of labelled photos is recognised, and how its labels are read.

Imports: common.
"""
