"""What people read about a run: one HTML page, a few lines of text, and the treatments side by side.

Imports: clean, common, compare, evaluate, figures, images, params, split, treatments, unzip.
"""
