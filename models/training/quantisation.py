"""Fake quantisation: what training sees of the int8 file.

Every tensor between a network's input and output passes a `Quantiser`. It is the identity while the weights are
trained in float, then watches ranges, then rounds as the exported file does, with a learned scale.
"""
import math

import torch
from torch import nn


SMALLEST_SCALE = 2e-6  # of what never moves


class Quantiser(nn.Module):
    """Fake quantisation of one tensor to uint8: zero point 0 for what is never negative, else 128."""

    OFF, WATCH, ON = range(3)

    def __init__(self, signed=False):
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
        return _Rounding.apply(x, self.log_scale, self.zero_point)

    def watch(self, x):
        """Starts the scale at the widest 99.99th percentile of |x| seen."""
        sample = x.abs().flatten().float()
        rank = max(1, round(sample.numel() * 0.9999))
        self.reach.copy_(torch.maximum(self.reach, sample.kthvalue(rank).values))
        levels = 127 if self.zero_point else 255
        self.log_scale.data.copy_((self.reach / levels).clamp(min=SMALLEST_SCALE).log())

    def scale(self):
        return self.log_scale.exp().item()

    def set_scale(self, scale):
        """Takes the scale of a quantiser that was trained before."""
        scale = max(scale, SMALLEST_SCALE)
        self.log_scale.data.fill_(math.log(scale))
        self.reach.fill_(scale * (127 if self.zero_point else 255))


class Convolution(nn.Conv2d):
    """A convolution whose weights are rounded to int8 per output channel, and its bias to the accumulator's int32.

    Rounded one by one, the weights of a kernel err in their sum by some steps, and planes that are constant or nearly
    so would be answered wrongly all over the frame: it cost up to 0.5 dB. So the errors are passed on from tap to
    tap, and the sum over a kernel's taps is right to half a step.
    """

    LARGEST = 126  # of what is rounded: passing an error on can add one
    DEAD = 1e-3  # weights of a filter that has no larger one

    def reset_parameters(self):
        super().reset_parameters()
        nn.init.zeros_(self.bias)  # a random one silences filters of what is small for good

    def forward(self, x, quantiser):
        if quantiser.mode != Quantiser.ON:
            return super().forward(x)
        scale = self.weight_scale()
        weight = self.integers().to(scale.dtype) * scale[:, None, None, None]
        unit = quantiser.log_scale.exp() * scale
        return self._conv_forward(x, weight, rounded(self.bias / unit) * unit)

    def weight_scale(self):
        """One symmetric scale an output channel."""
        scale = self.weight.detach().float().abs().amax(dim=(1, 2, 3)).clamp(min=self.DEAD) / self.LARGEST
        return scale.to(self.weight.dtype)

    def integers(self):
        """The weights in units of their scales, whole numbers from -127 to 127."""
        exact = self.weight.float() / self.weight_scale().float()[:, None, None, None]
        sums = exact.detach().flatten(2).cumsum(dim=2).round()
        whole = torch.cat((sums[..., :1], sums[..., 1:] - sums[..., :-1]), dim=2).view_as(exact)
        return exact + (whole - exact).detach()


class _Rounding(torch.autograd.Function):
    """Rounding to 8 bits that gradients pass straight through; where it saturates they move the scale instead.

    The chain of plain operations would say the same with a dozen passes over every tensor.
    """

    @staticmethod
    def forward(context, x, log_scale, zero_point):
        scale = log_scale.exp()
        rounded = (x / scale).round().clamp(-zero_point, 255 - zero_point) * scale
        context.save_for_backward(x, rounded, scale)
        return rounded

    @staticmethod
    def backward(context, gradient):
        x, rounded, scale = context.saved_tensors
        moved = rounded - x
        # Half a step, and as much again as half precision may err.
        is_inside = moved.abs() <= 0.75 * scale
        of_scale = (gradient * torch.where(is_inside, moved, rounded)).sum(dtype=torch.float32)
        return torch.where(is_inside, gradient, 0), of_scale, None


def set_mode(model, mode):
    for module in model.modules():
        if isinstance(module, Quantiser):
            module.mode = mode


def rounded(x):
    """Rounding that gradients pass straight through."""
    return x + (x.round() - x).detach()
