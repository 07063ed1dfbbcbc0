"""Export the champion to other formats: Keras, SavedModel, TFLite and ONNX.

Imports: common, data, evaluate, networks, saved_models.
"""
