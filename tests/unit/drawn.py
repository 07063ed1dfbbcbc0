"""Hypothesis strategies of labels and what a model says of them."""

import numpy as np
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays


@st.composite
def predictions(draw, values=None, min_present=1):
    """Labels of shape (n,), which may lack classes, and probabilities of shape (n, n_classes)."""
    n, n_classes = draw(st.integers(1, 40)), draw(st.integers(2, 6))
    labels = draw(arrays(np.int64, n, elements=st.integers(0, n_classes - 1)))
    assume(len(np.unique(labels)) >= min_present)
    weights = draw(arrays(np.float64, (n, n_classes), elements=st.floats(0.0625, 1) if values is None else values))
    return labels, weights / weights.sum(axis=1, keepdims=True)
