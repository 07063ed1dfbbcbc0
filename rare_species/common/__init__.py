"""What every stage depends on: files, paths, tables, errors, and the runner of stages; small and stable.

Imports: nothing of the library.
"""
