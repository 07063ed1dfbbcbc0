"""Single photos: decode, inspect and fit them; all that knows Pillow's modes and quirks.

Imports: common.
"""
