"""Model files: a trained network as sealed ONNX, int8 or float, and back.

The graphs are built node by node, so that every name and every rounding is chosen here. One file holds all stages as
sub-graphs that share nothing: `z` -> `f` for the first, `z2` -> `f2` for the second, and so on; what happens between
them (Fourier filters) is the restorer's. The int8 file is in QDQ form: float inputs and outputs, and between them
every tensor passes QuantizeLinear and DequantizeLinear, so a runtime may compute all of it in integers.
"""
import dataclasses
import hashlib
import json

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from camera import SIGMA_MAX, SIGMA_MIN
from network import Restorer, Shape
from quantisation import Quantiser

OPSET, IR_VERSION = 17, 8
SEAL = "deblurd.seal"
UNSEALED = "0" * 64
LARGEST_MOVE = 0.75
LICENCE = (
    "MIT OR Apache-2.0; trained on Cloudinary Image Dataset '22 by Cloudinary (CC BY-SA 4.0) and CLIC 2025 "
    "(Unsplash licence)"
)
QUANTISATION = {
    True: "int8 QDQ; weights int8 symmetric per output channel, activations uint8 per tensor, bias int32",
    False: "f32",
}


class GraphBuilder:
    """Collects nodes and constants. `quantised` decides whether tensors and weights pass through QDQ pairs."""

    def __init__(self, quantised):
        self.quantised = quantised
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def stage(self, index, stage):
        """Adds the sub-graph of stage `index`, counted from 1."""
        prefix, suffix = f"stage{index}", "" if index == 1 else str(index)
        z, f = "z" + suffix, "f" + suffix
        self.inputs.append(_frame(z, stage.head.in_channels))
        self.outputs.append(_frame(f, 1))

        a = self.rounded(f"{prefix}/input", z, stage.input_range)
        a = self.convolution(f"{prefix}/head", a, stage.head, stage.input_range)
        a = self.node("Relu", f"{prefix}/head/relu", [a])
        a = self.rounded(f"{prefix}/head", a, stage.head_range)
        source = stage.head_range
        for i, addition in enumerate(stage.body, start=1):
            name = f"{prefix}/body{i}"
            b = self.convolution(name, a, addition.convolution, source)
            b = self.node("Relu", f"{name}/relu", [b])
            b = self.rounded(name, b, addition.branch)
            a = self.node("Add", f"{name}/add", [a, b])
            a = self.rounded(f"{name}/add", a, addition.total)
            source = addition.total
        a = self.convolution(f"{prefix}/tail", a, stage.tail, source)
        # Dequantised before the shuffle, not after: the two commute exactly, and this way Conv keeps the QDQ
        # neighbourhood runtimes look for and DepthToSpace needs no integer kernel.
        a = self.rounded(f"{prefix}/tail", a, stage.output_range)
        self.node("DepthToSpace", f"{prefix}/shuffle", [a], f, blocksize=stage.shuffle, mode="CRD")

    def node(self, kind, name, inputs, output=None, **attributes):
        """Adds a node and returns its output, which has the node's name unless told otherwise."""
        output = output or name
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def constant(self, name, value):
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def rounded(self, name, tensor, quantiser):
        """`tensor` after a QDQ pair; itself in the float file."""
        if not self.quantised:
            return tensor
        scale = self.constant(f"{name}/scale", np.float32(quantiser.scale()))
        zero_point = self.constant(f"{name}/zero_point", np.uint8(quantiser.zero_point))
        q = self.node("QuantizeLinear", f"{name}/quantise", [tensor, scale, zero_point])
        return self.node("DequantizeLinear", f"{name}/dequantise", [q, scale, zero_point])

    def convolution(self, name, tensor, convolution, source):
        """A Conv node; in the int8 file over dequantised int8 weights and an int32 bias in accumulator units."""
        weight, bias = convolution.weight.detach().numpy(), convolution.bias.detach().numpy()
        if self.quantised:
            scale = convolution.weight_scale().numpy()
            unit = np.float32(source.scale()) * scale
            weight = np.clip(np.rint(weight / scale[:, None, None, None]), -127, 127).astype(np.int8)
            bias = np.rint(bias / unit).astype(np.int32)
            operands = [
                self.dequantised(f"{name}/weight", weight, scale),
                self.dequantised(f"{name}/bias", bias, unit),
            ]
        else:
            operands = [self.constant(f"{name}/weight", weight), self.constant(f"{name}/bias", bias)]
        size, stride, padding = convolution.kernel_size, convolution.stride, convolution.padding
        return self.node(
            "Conv", name, [tensor, *operands], kernel_shape=size, strides=stride, pads=(*padding, *padding)
        )

    def dequantised(self, name, integers, scale):
        """Constant integers with one scale for each entry of their first axis."""
        operands = [
            self.constant(f"{name}/integers", integers),
            self.constant(f"{name}/scale", scale),
            self.constant(f"{name}/zero_point", np.zeros(len(scale), integers.dtype)),
        ]
        return self.node("DequantizeLinear", name, operands, axis=0)

    def graph(self, name):
        return helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.constants)


def export(model, name, training, quantised):
    """The sealed bytes of one model file."""
    shape = model.shape
    plain = Shape(shape.bodies, channels=shape.channels, reach=shape.reach, shuffle=shape.shuffle)
    if shape != plain:
        raise ValueError(f"{shape} was made to be measured (expected no more than {plain})")
    builder = GraphBuilder(quantised)
    for index, stage in enumerate(model.stages, start=1):
        builder.stage(index, stage)
    onnx_model = helper.make_model(
        builder.graph(name),
        producer_name="deblurd",
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    metadata = {
        "deblurd.contract": "2",
        "deblurd.name": name,
        "deblurd.stages": str(len(model.stages)),
        "deblurd.consistency": " ".join(f"{c:.5g}" for c in model.strengths().tolist()),
        "deblurd.alignment": str(shape.alignment),
        "deblurd.halo": str(shape.halo()),
        "deblurd.sigma_min": str(SIGMA_MIN),
        "deblurd.sigma_max": str(SIGMA_MAX),
        "deblurd.regulariser": "spectral",
        "deblurd.domain": "gamma, mean-free",
        "deblurd.quantisation": QUANTISATION[quantised],
        "deblurd.training": training,
        "deblurd.licence": LICENCE,
        "deblurd.shape": json.dumps(dataclasses.asdict(plain)),
        SEAL: UNSEALED,
    }
    helper.set_model_props(onnx_model, metadata)
    onnx.checker.check_model(onnx_model, full_check=True)
    return _sealed(onnx_model.SerializeToString(deterministic=True))


def write(model, folder, name, training):
    """Writes `name`.onnx (int8) and its float twin `name`-f32.onnx."""
    for stage in model.stages:
        _steady(stage)
    for path, quantised in ((folder / f"{name}.onnx", True), (folder / f"{name}-f32.onnx", False)):
        content = export(model, path.stem, training, quantised)
        path.write_bytes(content)
        print(f"{path.name}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print(f"{model.shape.macs_per_pixel():.0f} MAC/px, halo {model.shape.halo()} px")


def _steady(stage):
    """Widens the step of the output until a single step before the tail moves it by no more than LARGEST_MOVE steps.

    Runtimes round ties in the middle of a network differently, and their results must stay within one step.
    """
    source = stage.body[-1].total if len(stage.body) else stage.head_range
    move = stage.tail.weight.detach().abs().max().item() * source.scale() / stage.output_range.scale()
    if move > LARGEST_MOVE:
        stage.output_range.set_scale(stage.output_range.scale() * move / LARGEST_MOVE)


def lineage(path):
    """What a file says of the runs that made it, without what is true of the last one alone."""
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    return "".join(properties["deblurd.training"].rpartition(" in the loop")[:2])


def read(folder, name):
    """The network of `name`-f32.onnx with the scales of `name`.onnx."""
    twin, rounded = (onnx.load(folder / f"{stem}.onnx") for stem in (f"{name}-f32", name))
    properties = {p.key: p.value for p in twin.metadata_props}
    told = json.loads(properties["deblurd.shape"])  # in older files also of parts that were only measured
    shape = {field.name: told[field.name] for field in dataclasses.fields(Shape)}
    model = Restorer(Shape(**{key: tuple(value) if isinstance(value, list) else value for key, value in shape.items()}))
    constants = {c.name: numpy_helper.to_array(c) for file in (rounded, twin) for c in file.graph.initializer}
    with torch.no_grad():
        strengths = [float(c) for c in properties["deblurd.consistency"].split()]
        model.log_strength.copy_(torch.tensor(strengths).log())
        for index, stage in enumerate(model.stages, start=1):
            for name, part in _named(f"stage{index}", stage):
                if isinstance(part, Quantiser):
                    part.set_scale(float(constants[f"{name}/scale"]))
                else:
                    part.weight.copy_(torch.tensor(constants[f"{name}/weight"]))
                    part.bias.copy_(torch.tensor(constants[f"{name}/bias"]))
    return model


def _named(prefix, stage):
    """Convolutions and quantisers of a stage with their names in the file."""
    yield from ((f"{prefix}/head", stage.head), (f"{prefix}/tail", stage.tail))
    yield from ((f"{prefix}/input", stage.input_range), (f"{prefix}/head", stage.head_range))
    yield f"{prefix}/tail", stage.output_range
    for i, addition in enumerate(stage.body, start=1):
        name = f"{prefix}/body{i}"
        yield from ((name, addition.convolution), (name, addition.branch), (f"{name}/add", addition.total))


def _frame(name, channels):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "H", "W"])


def _sealed(content):
    """Replaces the 64 zeros of the seal by the SHA-256 of the content that has them."""
    at = content.index(UNSEALED.encode(), content.index(SEAL.encode()))
    return content[:at] + hashlib.sha256(content).hexdigest().encode() + content[at + len(UNSEALED) :]
