"""Starts a network from the trained weights of a smaller one.

A stage of the larger network makes at first what that of the smaller one made: planes that the smaller one does not see
have no weight in the head, and further convolutions add next to nothing. Both have the same stages and channels.
"""
import pathlib

import torch

import export
from network import Restorer, Shape

SCALE = 0.02  # of the weights of further convolutions against those of a network from scratch


def read(path):
    """The network of a model file with its float twin beside it, of a checkpoint, or of bare weights with their shape."""
    path = pathlib.Path(path)
    if path.suffix == ".onnx":
        return export.read(path.parent, path.stem)
    held = torch.load(path, map_location="cpu", weights_only=False)
    if "cfg" in held:
        return _filled(Shape(**dict(held["cfg"])), held["state"])
    return _filled(held["shape"], _restorer(held["state_dict"]))


@torch.no_grad()
def grown(small, shape):
    """A `Restorer` of `shape` with the weights of `small`."""
    large, had = Restorer(shape), small.shape
    if len(had.bodies) != len(shape.bodies) or (had.channels, had.reach) != (shape.channels, shape.reach):
        raise SystemExit(f"{had} does not grow to {shape} (expected as many stages and channels, and the same heads)")
    large.log_strength.copy_(small.log_strength)
    places = [shape.inputs.index(name) for name in had.inputs if name in shape.inputs]
    if len(places) != len(had.inputs):
        raise SystemExit(f"inputs {' '.join(shape.inputs)} (expected all of {' '.join(had.inputs)})")
    for k, (stage, old) in enumerate(zip(large.stages, small.stages)):
        _head(stage.head, old.head, [*places, len(shape.inputs)] if k else places)
        _copied(stage.tail, old.tail)
        _additions(stage.body, old.body)
        if stage.coarse and old.coarse:
            _copied(stage.coarse.down, old.coarse.down)
            _copied(stage.coarse.up, old.coarse.up)
            _additions(stage.coarse.additions, old.coarse.additions)
    return large


def _filled(shape, state):
    restorer = Restorer(shape)
    restorer.load_state_dict(state)
    return restorer


def _restorer(state):
    """The part of a module's state that is the network's."""
    prefix = "restorer."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _copied(new, old):
    new.weight.copy_(old.weight)
    new.bias.copy_(old.bias)


def _head(new, old, places):
    """The weights of the old planes at the `places` that they have now."""
    new.weight.zero_()
    new.weight[:, places] = old.weight
    new.bias.copy_(old.bias)


def _additions(new, old):
    for i, addition in enumerate(new):
        if i < len(old):
            _copied(addition.convolution, old[i].convolution)
        else:
            addition.convolution.weight.mul_(SCALE)
