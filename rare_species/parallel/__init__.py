"""Work in several threads and processes, which ends with the command that began it.

Imports: common.
"""
