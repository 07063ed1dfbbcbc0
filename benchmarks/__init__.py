"""Measurements that are no tests: they take minutes, or need data that is not in the repository."""
