"""Stage preprocess: fit photos to a square, treat them and pack them into shards.

Imports: common, data, figures, images, parallel, params, treatments.
"""
