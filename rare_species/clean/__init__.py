"""Stage clean: which photos are kept, and why others are not.

Imports: common, figures, images, parallel, params.
"""
