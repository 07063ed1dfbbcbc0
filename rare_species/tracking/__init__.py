"""What dvclive records while a fit runs; the only room that knows dvclive.

Imports: common.
"""
