"""Draw a stand-in for the wildlife archive: procedural creatures in a zip that is laid out like the real one.

Imports: common, parallel.
"""
