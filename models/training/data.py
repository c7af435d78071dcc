"""Training photographs, kept whole in memory, and their degradation on the fly.

A step sees crops no other step saw: random photograph, place, orientation, PSF and noise. The photographs are read
as gray (luma of gamma-encoded RGB), each also reduced, because the scale of detail varies more between cameras
than between photographs.
"""
import math
import pathlib

import numpy as np
import torch
from PIL import Image

import wiener

SCALES = (1.0, 0.7, 0.5)
HELD_OUT = 25  # every 25th photograph is never trained on: it makes the validation set

SIGMA_MIN, SIGMA_MAX = 0.5, 12.75  # 8-bit gray levels
SIGMA_TYPICAL, SIGMA_SPREAD = 2.55, 0.3  # median and log standard deviation of the half drawn near the usual noise


def read(folder):
    """(training, validation) lists of gray uint8 arrays from the PNG files under `folder`."""
    paths = sorted(pathlib.Path(folder).glob("*/*.png"))
    if not paths:
        raise SystemExit(f"no photographs in {folder}/*/*.png")
    photographs = [Image.open(path).convert("L") for path in paths]
    training = [
        np.asarray(p.resize([round(n * scale) for n in p.size], Image.Resampling.LANCZOS) if scale < 1 else p)
        for i, p in enumerate(photographs)
        for scale in SCALES
        if i % HELD_OUT
    ]
    return training, [np.asarray(p) for p in photographs[::HELD_OUT]]


class Crops:
    """Random square crops in all eight orientations, gathered on the device from one flat tensor."""

    def __init__(self, pictures, size, device):
        pictures = [p for p in pictures if min(p.shape) >= size]
        lengths = np.array([p.size for p in pictures])
        self.size = size
        self.pixels = torch.from_numpy(np.concatenate([p.ravel() for p in pictures])).to(device)
        self.first = torch.from_numpy(np.cumsum(lengths) - lengths).to(device)
        self.extent = torch.tensor([p.shape for p in pictures], device=device)

    def draw(self, count):
        """Float crops [count, 1, size, size] in [0, 1]."""
        device, size = self.pixels.device, self.size
        chosen = torch.randint(len(self.first), (count,), device=device)
        height, width = self.extent[chosen].unbind(1)
        row = (torch.rand(count, device=device) * (height - size + 1)).long()
        column = (torch.rand(count, device=device) * (width - size + 1)).long()
        flips = torch.randint(2, (3, count), device=device)
        step_row, step_column = width * (1 - 2 * flips[0]), 1 - 2 * flips[1]
        start = self.first[chosen] + (row + flips[0] * (size - 1)) * width + column + flips[1] * (size - 1)
        steps = torch.stack((step_row, step_column))
        step_i, step_j = torch.where(flips[2].bool(), steps.flip(0), steps)
        n = torch.arange(size, device=device)
        rows, columns = n[:, None] * step_i[:, None, None], n * step_j[:, None, None]
        index = start[:, None, None] + rows + columns
        return self.pixels[index].float()[:, None] / 255


def draw_sigmas(count, device):
    """Noise levels as a share of the full range: half log-uniform over the whole range, half near the usual one."""
    low, high = math.log(SIGMA_MIN), math.log(SIGMA_MAX)
    uniform = low + (high - low) * torch.rand(count, device=device)
    usual = math.log(SIGMA_TYPICAL) + SIGMA_SPREAD * torch.randn(count, device=device)
    return torch.where(torch.rand(count, device=device) < 0.5, uniform, usual).clamp(low, high).exp() / 255


def degrade(sharp, transfer, sigma):
    """Circular blur, Gaussian noise, rounding to 8 bits."""
    noisy = wiener.apply(transfer, sharp) + sigma[:, None, None, None] * torch.randn_like(sharp)
    return (noisy * 255).round().clamp(0, 255) / 255
