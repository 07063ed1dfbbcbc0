"""Stage unzip: refuse hostile archives, unpack, and read what each photo is labelled.

Imports: common, params.
"""
