"""Treatments of fitted photos, one module for each: its parameters, its function and its registration.

Imports: common, images.
"""
