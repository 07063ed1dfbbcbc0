"""Any Keras model: how it is saved, loaded, run and rewritten, and how TensorFlow is started.

Imports: common.
"""
