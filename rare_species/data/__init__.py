"""What models read: packed photos, cached features, and batches of both.

Imports: common.
"""
