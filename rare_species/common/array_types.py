"""Type names for arrays that modules exchange."""

import numpy as np
from numpy.typing import NDArray

Labels = NDArray[np.int64]  # shape (n,): class ids
Probabilities = NDArray[np.float32]  # shape (n, n_classes): rows sum to 1
