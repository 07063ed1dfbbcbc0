"""Run the champion on a user's own photos: find them, read them, and answer what they show.

Imports: common, data, evaluate, images, layouts, metrics, networks, parallel, saved_models, treatments.
"""
