"""One HTML page that says what the last run is: data, model, metrics and errors.

Imports: clean, common, compare, evaluate, params, split, unzip.
"""
