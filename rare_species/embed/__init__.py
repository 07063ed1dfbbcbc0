"""Stage embed: the features that a frozen backbone gives for every photo.

Imports: augmentation, backbones, common, data, networks, parallel, params.
"""
