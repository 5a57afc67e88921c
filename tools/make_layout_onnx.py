"""Print the ONNX twin of the practice layout model as base64; needs onnx.

Run by hand: `python tools/make_layout_onnx.py`, and put what it prints into `runbook_lib/practice/layout_onnx.py`.
The graph has the inputs and outputs that docling 2.143's ONNX engine uses, and reports one box of score 0 for each
page: nothing.
"""

import base64
import sys
import textwrap

from onnx import TensorProto, checker, helper


def model_bytes() -> bytes:
    """Return the serialised model."""

    def constant(name: str, values: list[int]) -> TensorProto:
        return helper.make_tensor(name, TensorProto.INT64, [len(values)], values)

    def zeros(kind: int) -> TensorProto:
        return helper.make_tensor("zero", kind, [1], [0])

    float_zero, whole_zero = zeros(TensorProto.FLOAT), zeros(TensorProto.INT64)
    nodes = [
        helper.make_node("Shape", ["orig_target_sizes"], ["shape"]),
        helper.make_node("Gather", ["shape", "first"], ["pages"]),
        helper.make_node("Concat", ["pages", "one"], ["flat"], axis=0),
        helper.make_node("Concat", ["pages", "one", "four"], ["boxed"], axis=0),
        helper.make_node("ConstantOfShape", ["flat"], ["labels"], value=whole_zero),
        helper.make_node("ConstantOfShape", ["boxed"], ["boxes"], value=float_zero),
        helper.make_node("ConstantOfShape", ["flat"], ["scores"], value=float_zero),
    ]
    inputs = [
        helper.make_tensor_value_info("images", TensorProto.FLOAT, ["pages", 3, 640, 640]),
        helper.make_tensor_value_info("orig_target_sizes", TensorProto.INT64, ["pages", 2]),
    ]
    outputs = [
        helper.make_tensor_value_info("labels", TensorProto.INT64, ["pages", 1]),
        helper.make_tensor_value_info("boxes", TensorProto.FLOAT, ["pages", 1, 4]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["pages", 1]),
    ]
    initial = [constant("first", [0]), constant("one", [1]), constant("four", [4])]
    graph = helper.make_graph(nodes, "practice_layout", inputs, outputs, initial)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    checker.check_model(model, full_check=True)
    return bytes(model.SerializeToString(deterministic=True))


if __name__ == "__main__":
    text = base64.b64encode(model_bytes()).decode()
    sys.stdout.write("\n".join(textwrap.wrap(text, 110)) + "\n")
