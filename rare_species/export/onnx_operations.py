"""Operations of the networks here that tf2onnx can't convert by itself; importing this module registers them.

This is the only module that imports tf2onnx.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tf2onnx.handler import tf_op


@tf_op("Erfc")
class Erfc:
    """The complementary error function, in the GELU of ConvNeXt and of Vision Transformers: 1 - erf(x)."""

    @classmethod
    def version_9(cls, graph: Any, node: Any, **_: Any) -> None:
        """Replace the node by 1 - erf(x); ONNX has erf since opset 9."""
        (x,), (output,) = node.input, node.output
        shape, dtype = graph.get_shape(output), graph.get_dtype(output)
        graph.remove_node(node.name)
        one = graph.make_const(f"{node.name}/one", np.float32(1))
        erf = graph.make_node("Erf", [x], shapes=[shape], dtypes=[dtype])
        inputs = [one.output[0], erf.output[0]]
        graph.make_node("Sub", inputs, outputs=[output], name=node.name, shapes=[shape], dtypes=[dtype])
