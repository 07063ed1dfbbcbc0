"""What figures of all stages share: style, saving, contact sheets, bars and fonts.

Imports: nothing of the library.
"""
