"""Stage clean: decide which photos are kept, and record why the others are rejected.

Imports: common, figures, images, parallel, params.
"""
