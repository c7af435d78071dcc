"""The unrolled restoration: small residual networks with a data-consistent step between them.

    g_k = x_w + P_c (g_(k-1) - (1 - 1/c) x_w + f_k),   g_0 = x_w

In frequency that is (conj(H) y + c R v) / (|H|^2 + c R) for v = g_(k-1) + f_k: the best compromise between the data and
v. What f_k has to say is the error of the estimate so far, and c, learned per stage, is how far it is trusted against
the data.

A stage works at a half of the resolution: its head is a convolution of that stride, its body adds `relu(conv(a))` to
`a`, its tail goes back through a pixel shuffle. A stage may have a coarse branch, at a quarter of the resolution,
before its body: it sees farther for a quarter of the price. Behind the head every activation is non-negative, and
eight unsigned bits with zero point 0 hold it.

What the stages see has names (`INPUTS`): the Wiener estimate, the blurred frame, an estimate of a tenth of the
regularisation, which keeps more detail and more noise, and two constant planes: the noise level, and how far the PSF
is to be trusted. From the second stage on the estimate so far follows.
"""
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

import wiener
from quantisation import Convolution, Quantiser
from rectifier import rectified

INPUTS = ("estimate", "blurred", "weak", "sigma", "trust")
WEAK = 0.1  # of the regulariser
SIGMA_UNIT = 10  # what the plane of the noise level holds for noise as large as the range from black to white
LARGEST_INPUT = 2  # the int8 file saturates at less


class Told(NamedTuple):
    """What the restorer is told of frames, a number for each [B]."""

    sigma: torch.Tensor  # noise level, a share of the full range
    trust: torch.Tensor  # in the PSF: 0 guessed, 1 measured


@dataclass(frozen=True)
class Shape:
    """What a model is made of; stored in its file, so that training can go on from there."""

    bodies: tuple  # convolutions in the body of each stage
    coarse: tuple = ()  # convolutions of each stage at a quarter of the resolution; 0: no such branch
    channels: int = 16
    reach: int = 2  # of the head, in samples of the half resolution: 2 is a 4x4 convolution of stride 2
    shuffle: int = 2
    inputs: tuple = ("estimate", "blurred")

    def __post_init__(self):
        object.__setattr__(self, "coarse", tuple(self.coarse) or (0,) * len(self.bodies))
        is_known = set(self.inputs) <= set(INPUTS) and len(set(self.inputs)) == len(self.inputs)
        if not is_known or "estimate" not in self.inputs:
            told, known = " ".join(self.inputs), ", ".join(INPUTS)
            raise ValueError(f"inputs {told} (expected estimate, and each of {known} at most once)")

    @property
    def alignment(self):
        return self.shuffle * (2 if any(self.coarse) else 1)

    def planes(self, stage):
        return len(self.inputs) + (stage > 0)

    def macs_per_pixel(self):
        """Multiply-accumulates of all stages for one full-resolution pixel."""
        total, c = 0, self.channels
        for k, (body, coarse) in enumerate(zip(self.bodies, self.coarse)):
            total += (self.reach * self.shuffle) ** 2 * self.planes(k) * c + 9 * c * (body * c + self.shuffle**2)
            total += (8 * c * c + coarse * 9 * c * c) / 4 if coarse else 0
        return total / self.shuffle**2

    def halo(self):
        """Receptive-field margin of the widest stage in full-resolution pixels, rounded up to the alignment."""
        s = self.shuffle
        head = (self.reach * s - s) // 2 + s - 1
        reaches = []
        for body, coarse in zip(self.bodies, self.coarse):
            reaches.append(head + s * (body + 1) + (s + 2 * s * coarse if coarse else 0))
        return -(-max(reaches) // self.alignment) * self.alignment


class Addition(nn.Module):
    """a + relu(conv(a)), every tensor through its quantiser."""

    def __init__(self, channels):
        super().__init__()
        self.convolution = Convolution(channels, channels, 3, padding=1)
        self.branch, self.total = Quantiser(), Quantiser()

    def forward(self, a, source):
        return self.total(a + self.branch(rectified(self.convolution(a, source))))


class CoarseBranch(nn.Module):
    """Adds what is seen at half the resolution: down (2x2, stride 2), additions, up (1x1 and a pixel shuffle)."""

    def __init__(self, channels, count):
        super().__init__()
        self.down = Convolution(channels, channels, 2, stride=2)
        self.additions = nn.ModuleList(Addition(channels) for _ in range(count))
        self.up = Convolution(channels, 4 * channels, 1)
        self.down_range, self.up_range, self.total = Quantiser(), Quantiser(), Quantiser()

    def forward(self, a, source):
        c, inner = self.down_range(rectified(self.down(a, source))), self.down_range
        for addition in self.additions:
            c, inner = addition(c, inner), addition.total
        up = self.up_range(rectified(self.up(c, inner)))
        return self.total(a + functional.pixel_shuffle(up, 2))


class Stage(nn.Module):
    """One residual network f(z)."""

    def __init__(self, shape, index):
        super().__init__()
        c, s = shape.channels, shape.shuffle
        kernel = shape.reach * s
        self.shuffle = s
        self.head = Convolution(shape.planes(index), c, kernel, stride=s, padding=(kernel - s) // 2)
        self.coarse = CoarseBranch(c, shape.coarse[index]) if shape.coarse[index] else None
        self.body = nn.ModuleList(Addition(c) for _ in range(shape.bodies[index]))
        self.tail = Convolution(c, s * s, 3, padding=1)
        self.input_range, self.output_range = Quantiser(signed=True), Quantiser(signed=True)
        self.head_range = Quantiser()

    def forward(self, z):
        a = self.head(self.input_range(z), self.input_range)
        return self.answer(*self.through(self.head_range(rectified(a))))

    def through(self, a):
        """The activations behind the last addition, and what rounded them."""
        source = self.head_range
        for part in ([self.coarse] if self.coarse else []) + list(self.body):
            a, source = part(a, source), part.total
        return a, source

    def answer(self, a, source):
        return functional.pixel_shuffle(self.output_range(self.tail(a, source)), self.shuffle)


class Restorer(nn.Module):
    """All stages with their filters, on square mean-free frames."""

    flat = None  # a flat regulariser instead of the spectral one

    def __init__(self, shape, stage=Stage):
        super().__init__()
        self.shape = shape
        self.stages = nn.ModuleList(stage(shape, k) for k in range(len(shape.bodies)))
        self.log_strength = nn.Parameter(torch.ones(len(self.stages)))

    def strengths(self):
        """c of every stage."""
        return self.log_strength.exp()

    def forward(self, blurred, filters, told, half=False):
        """Restored mean-free frames from mean-free `blurred` ones; `half` runs the networks in half precision."""
        estimate = wiener.apply(filters.inverse(), blurred)
        planes, restored = self.planes(estimate, blurred, filters, told), estimate
        for k, stage in enumerate(self.stages):
            f = self.run(stage, planes if k == 0 else [*planes, restored], half)
            restored = self.consistent(k, estimate, restored, f.float(), filters)
        return restored

    def planes(self, estimate, blurred, filters, told):
        """What every stage sees."""
        made = {
            "estimate": lambda: estimate,
            "blurred": lambda: blurred,
            "weak": lambda: wiener.apply(filters.inverse(WEAK), blurred),
            "sigma": lambda: (SIGMA_UNIT * told.sigma)[:, None, None, None].expand_as(blurred),
            "trust": lambda: told.trust[:, None, None, None].expand_as(blurred),
        }
        return [made[name]() for name in self.shape.inputs]

    def run(self, stage, planes, half, *further):
        z = torch.cat(planes, dim=1).clamp(-LARGEST_INPUT, LARGEST_INPUT)
        with torch.autocast(z.device.type, torch.float16, enabled=half, cache_enabled=False):
            return stage(z.to(memory_format=torch.channels_last), *further)

    def consistent(self, stage, estimate, restored, f, filters):
        """g_k from g_(k-1) and f_k."""
        c = self.strengths()[stage]
        return estimate + wiener.apply(filters.projection(c), restored - (1 - 1 / c) * estimate + f)
