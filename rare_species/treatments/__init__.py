"""What is done to fitted photos, a file for each treatment: parameters, function and registration.

Imports: common, images.
"""
