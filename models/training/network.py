"""The unrolled restoration: small residual networks with the null-space projection between them.

    g1 = x_w + P f1(x_w, y)
    g2 = x_w + P (g1 - x_w + f2(x_w, y, g1))

A stage works at half resolution: its head is a 6x6 convolution of stride 2 (a pixel-unshuffle by 2 and a 3x3
convolution in one), its body adds `relu(conv(a))` to `a`, its tail goes back through a pixel shuffle. Behind the head
every activation is therefore non-negative, and eight unsigned bits with zero point 0 hold it.

For the int8 form every tensor between input and output passes a `Quantiser`. It is the identity while the weights
are trained in float, then watches ranges, then rounds as the exported file does, with a learned scale.
"""
import torch
from torch import nn
from torch.nn import functional

import wiener

CHANNELS = 16
BODIES = (2, 3)  # convolutions in the body of each stage
ALIGNMENT = 2


class Quantiser(nn.Module):
    """Fake quantisation of one tensor to uint8: zero point 0 for what is never negative, else 128."""

    OFF, WATCH, ON = range(3)

    def __init__(self, signed):
        super().__init__()
        self.zero_point = 128 if signed else 0
        self.mode = Quantiser.OFF
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.register_buffer("reach", torch.zeros(()))

    def forward(self, x):
        if self.mode == Quantiser.WATCH:
            self.watch(x.detach())
        if self.mode != Quantiser.ON:
            return x
        scale = self.log_scale.exp()
        level = (x / scale).clamp(-self.zero_point, 255 - self.zero_point)
        return _round(level) * scale

    def watch(self, x):
        """Starts the scale at the widest 99.99th percentile of |x| seen."""
        sample = x.abs().flatten()
        rank = max(1, round(sample.numel() * 0.9999))
        self.reach.copy_(torch.maximum(self.reach, sample.kthvalue(rank).values))
        levels = 127 if self.zero_point else 255
        self.log_scale.data.copy_((self.reach / levels).clamp(min=1e-8).log())


class Convolution(nn.Conv2d):
    """A convolution whose weights are rounded to int8 per output channel, and its bias to the accumulator's int32."""

    def forward(self, x, quantiser):
        if quantiser.mode != Quantiser.ON:
            return super().forward(x)
        scale = self.weight_scale()
        weight = _round(self.weight / scale[:, None, None, None]) * scale[:, None, None, None]
        unit = quantiser.log_scale.exp() * scale
        return self._conv_forward(x, weight, _round(self.bias / unit) * unit)

    def weight_scale(self):
        """One symmetric scale an output channel: the largest weight becomes 127."""
        return self.weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-8) / 127


class Stage(nn.Module):
    """One residual network f(z). `layers()` lists what export needs, in order."""

    def __init__(self, inputs, body):
        super().__init__()
        self.head = Convolution(inputs, CHANNELS, 6, stride=2, padding=2)
        self.body = nn.ModuleList(Convolution(CHANNELS, CHANNELS, 3, padding=1) for _ in range(body))
        self.tail = Convolution(CHANNELS, ALIGNMENT**2, 3, padding=1)
        self.input_range = Quantiser(signed=True)
        self.head_range = Quantiser(signed=False)
        self.branch_ranges = nn.ModuleList(Quantiser(signed=False) for _ in range(body))
        self.sum_ranges = nn.ModuleList(Quantiser(signed=False) for _ in range(body))
        self.output_range = Quantiser(signed=True)

    def forward(self, z):
        a = self.head_range(functional.relu(self.head(self.input_range(z), self.input_range)))
        source = self.head_range
        for convolution, branch, total in zip(self.body, self.branch_ranges, self.sum_ranges):
            a = total(a + branch(functional.relu(convolution(a, source))))
            source = total
        return functional.pixel_shuffle(self.output_range(self.tail(a, source)), ALIGNMENT)


class Restorer(nn.Module):
    """All stages with their projections, on square mean-free frames."""

    def __init__(self):
        super().__init__()
        self.stages = nn.ModuleList(Stage(2 if k == 0 else 3, body) for k, body in enumerate(BODIES))

    def forward(self, blurred, inverse, projection):
        """Restored mean-free frames from mean-free `blurred` ones."""
        estimate = wiener.apply(inverse, blurred)
        restored = estimate
        for k, stage in enumerate(self.stages):
            z = (estimate, blurred) if k == 0 else (estimate, blurred, restored)
            restored = estimate + wiener.apply(projection, restored - estimate + stage(torch.cat(z, dim=1)))
        return restored

    def quantise(self, mode):
        for module in self.modules():
            if isinstance(module, Quantiser):
                module.mode = mode


def halo():
    """Receptive-field margin of the widest stage in full-resolution pixels, rounded up to the alignment.

    The head reaches 3 px, each 3x3 behind it 2 px.
    """
    reach = 3 + 2 * (max(BODIES) + 1)
    return -(-reach // ALIGNMENT) * ALIGNMENT


def macs_per_pixel():
    """Multiply-accumulates of all stages for one full-resolution pixel."""
    heads = sum(36 * (2 if k == 0 else 3) * CHANNELS for k in range(len(BODIES)))
    bodies = sum(BODIES) * 9 * CHANNELS**2
    tails = len(BODIES) * 9 * CHANNELS * ALIGNMENT**2
    return (heads + bodies + tails) // ALIGNMENT**2


def _round(x):
    """Rounding that gradients pass straight through."""
    return x + (x.round() - x).detach()
