"""Describe a run for people: one HTML page, a few lines of text, and a picture of all treatments side by side.

Imports: clean, common, compare, evaluate, figures, images, params, split, treatments, unzip.
"""
