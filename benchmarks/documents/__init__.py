"""Drawn pages, maps and diagrams, and how well the filter of stage clean finds them."""
