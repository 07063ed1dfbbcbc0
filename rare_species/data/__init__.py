"""What models read: packed photos, cached features, and both opened together.

Imports: common.
"""
