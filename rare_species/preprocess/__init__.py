"""Stage preprocess: photos fitted to a square, treated and packed.

Imports: common, data, figures, images, parallel, params, treatments.
"""
