"""The champion on a person's own photos: find them, read them, answer.

Imports: common, data, evaluate, images, layouts, metrics, models, networks, parallel, treatments.
"""
