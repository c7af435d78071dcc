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

CONTRACT = "3"
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
        a = self.activated(f"{prefix}/head", a, stage.head, stage.input_range, stage.head_range)
        source = stage.head_range
        if stage.coarse:
            a, source = self.coarse(f"{prefix}/coarse", a, stage.coarse, source)
        a, source = self.additions(prefix, a, stage.body, source)
        a = self.convolution(f"{prefix}/tail", a, stage.tail, source)
        # Dequantised before the shuffle, not after: the two commute exactly, and this way Conv keeps the QDQ
        # neighbourhood runtimes look for and DepthToSpace needs no integer kernel.
        a = self.rounded(f"{prefix}/tail", a, stage.output_range)
        self.node("DepthToSpace", f"{prefix}/shuffle", [a], f, blocksize=stage.shuffle, mode="CRD")

    def activated(self, name, tensor, convolution, source, quantiser):
        """A convolution, what of it is not negative, and its rounding."""
        a = self.convolution(name, tensor, convolution, source)
        return self.rounded(name, self.node("Relu", f"{name}/relu", [a]), quantiser)

    def additions(self, prefix, a, additions, source):
        """Additions one behind the other: the last one's result and what rounded it."""
        for i, addition in enumerate(additions, start=1):
            name = f"{prefix}/body{i}"
            b = self.activated(name, a, addition.convolution, source, addition.branch)
            a = self.rounded(f"{name}/add", self.node("Add", f"{name}/add", [a, b]), addition.total)
            source = addition.total
        return a, source

    def coarse(self, prefix, a, branch, source):
        """The coarse branch and its addition to `a`."""
        c = self.activated(f"{prefix}/down", a, branch.down, source, branch.down_range)
        c, inner = self.additions(prefix, c, branch.additions, branch.down_range)
        up = self.activated(f"{prefix}/up", c, branch.up, inner, branch.up_range)
        up = self.node("DepthToSpace", f"{prefix}/shuffle", [up], blocksize=2, mode="CRD")
        a = self.node("Add", f"{prefix}/add", [a, up])
        return self.rounded(f"{prefix}/add", a, branch.total), branch.total

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
            weight = np.rint(convolution.integers().detach().numpy()).astype(np.int8)
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
    plain = Shape(**{field.name: getattr(shape, field.name) for field in dataclasses.fields(Shape)})
    if dataclasses.asdict(shape) != dataclasses.asdict(plain):
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
        "deblurd.contract": CONTRACT,
        "deblurd.name": name,
        "deblurd.stages": str(len(model.stages)),
        "deblurd.inputs": " ".join(shape.inputs),
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
    return sealed(onnx_model)


def write(model, folder, name, training):
    """Writes `name`.onnx (int8) and its float twin `name`-f32.onnx."""
    for stage in model.stages:
        _decide(stage)
        _steady(stage)
    for path, quantised in ((folder / f"{name}.onnx", True), (folder / f"{name}-f32.onnx", False)):
        content = export(model, path.stem, training, quantised)
        path.write_bytes(content)
        print(f"{path.name}: {len(content)} bytes, SHA-256 {hashlib.sha256(content).hexdigest()}")
    print(f"{model.shape.macs_per_pixel():.0f} MAC/px, halo {model.shape.halo()} px")


def _decide(stage):
    """Changes the scales of sums a little, until runtimes agree on how each sum of two rounded numbers is rounded.

    None then lies so near the middle of two steps that another order of operations would tip it.
    """
    source = stage.head_range
    if branch := stage.coarse:
        inner = branch.down_range
        for addition in branch.additions:
            _part(addition.total, inner, addition.branch)
            inner = addition.total
        _part(branch.total, source, branch.up_range)
        source = branch.total
    for addition in stage.body:
        _part(addition.total, source, addition.branch)
        source = addition.total


def _part(total, first, second):
    """Sets the scale of `total` to the nearest larger one that does so for sums of `first` and `second`, if any."""
    levels, start = np.arange(256.0), total.scale()
    sums = levels[:, None] * first.scale() + levels * second.scale()
    for scale in start * (1 + 1e-5 * np.arange(1_000)):
        steps = sums / np.float32(scale)
        steps = steps[steps < 256]
        if np.all(np.abs(steps % 1 - 0.5) > 1e-6 + 2e-7 * steps):
            total.set_scale(float(scale))
            return


def _steady(stage):
    """Widens the step of the output until a single step before the tail moves it by no more than LARGEST_MOVE steps.

    Runtimes round ties in the middle of a network differently, and their results must stay within one step.
    """
    last = [stage.coarse, *stage.body][-1]
    source = last.total if last else stage.head_range
    move = stage.tail.weight.detach().abs().max().item() * source.scale() / stage.output_range.scale()
    if move > LARGEST_MOVE:
        stage.output_range.set_scale(stage.output_range.scale() * move / LARGEST_MOVE)


def lineage(path):
    """What a file says of the runs that made it, without what is true of the last one alone."""
    properties = {p.key: p.value for p in onnx.load(path).metadata_props}
    return "".join(properties["deblurd.training"].rpartition(" in the loop")[:2])


def read(folder, name, dtype=torch.float32):
    """The network of `name`-f32.onnx with the scales of `name`.onnx."""
    twin, rounded = (onnx.load(folder / f"{stem}.onnx") for stem in (f"{name}-f32", name))
    properties = {p.key: p.value for p in twin.metadata_props}
    if properties.get("deblurd.contract") != CONTRACT:
        told = properties.get("deblurd.contract", "none")
        raise SystemExit(f"{name}: contract {told} (expected {CONTRACT}; convert.py makes it of a file of contract 2)")
    told = json.loads(properties["deblurd.shape"])
    shape = Shape(**{key: tuple(value) if isinstance(value, list) else value for key, value in told.items()})
    model = Restorer(shape).to(dtype)
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
    yield from _named_additions(prefix, stage.body)
    if branch := stage.coarse:
        prefix = f"{prefix}/coarse"
        yield from ((f"{prefix}/down", branch.down), (f"{prefix}/up", branch.up))
        yield from ((f"{prefix}/down", branch.down_range), (f"{prefix}/up", branch.up_range))
        yield f"{prefix}/add", branch.total
        yield from _named_additions(prefix, branch.additions)


def _named_additions(prefix, additions):
    for i, addition in enumerate(additions, start=1):
        name = f"{prefix}/body{i}"
        yield from ((name, addition.convolution), (name, addition.branch), (f"{name}/add", addition.total))


def _frame(name, channels):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, "H", "W"])


def sealed(onnx_model):
    """The bytes of a model whose seal is 64 zeros, with these replaced by the SHA-256 of the bytes that have them."""
    content = onnx_model.SerializeToString(deterministic=True)
    at = content.index(UNSEALED.encode(), content.index(SEAL.encode()))
    return content[:at] + hashlib.sha256(content).hexdigest().encode() + content[at + len(UNSEALED) :]
