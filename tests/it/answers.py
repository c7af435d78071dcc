"""Runs network by network of a model in ONNX Runtime, on planes of random numbers.

    python3 tests/it/answers.py MODEL WIDTH HEIGHT FOLDER

Writes FOLDER/zK.f32 and FOLDER/fK.f32 for network K, counted from 0: what it is given and what it answers, as raw
little-endian numbers; and prints the size of a step of each answer.
"""
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from onnx.utils import Extractor


def step(graph, output):
    """The scale of the dequantisation from which `output` is made by moving samples."""
    made_by = {name: node for node in graph.node for name in node.output}
    node = made_by[output]
    while node.op_type != "DequantizeLinear":
        node = made_by[node.input[0]]
    constants = {tensor.name: tensor for tensor in graph.initializer}
    return float(numpy_helper.to_array(constants[node.input[1]]))


def main(path, width, height, folder):
    model, random = onnx.load(path), np.random.default_rng(0)
    told = {entry.key: entry.value for entry in model.metadata_props}
    stages, inputs = int(told["deblurd.stages"]), len(told["deblurd.inputs"].split())
    extractor, options = Extractor(model), onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    # Processors without VNNI would add products of bytes in 16 bits, which overflow.
    options.add_session_config_entry("session.x64quantprecision", "1")
    for stage in range(stages):
        suffix = "" if stage == 0 else str(stage + 1)
        network = extractor.extract_model(["z" + suffix], ["f" + suffix]).SerializeToString()
        session = onnxruntime.InferenceSession(network, options, ["CPUExecutionProvider"])
        # Smooth, with noise, beyond black and white now and then.
        waves = np.sin(np.arange(width) / 9)[None, :] * np.cos(np.arange(height) / 7)[:, None]
        z = waves * 0.4 + random.normal(0, 0.15, (1, inputs + (stage > 0), height, width))
        (f,) = session.run(None, {"z" + suffix: z.astype(np.float32)})
        z.astype("<f4").tofile(folder / f"z{stage}.f32")
        f.astype("<f4").tofile(folder / f"f{stage}.f32")
        print(step(model.graph, "f" + suffix))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), pathlib.Path(sys.argv[4]))
