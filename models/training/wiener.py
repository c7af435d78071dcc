"""The Wiener filter and the projection, batched in PyTorch.

`W = conj(H) / (|H|^2 + R)` and `P_c = cR / (|H|^2 + cR)` with the spectral regulariser `R = sigma^2 / S`; `S` is the
mean power spectrum of natural images. Both are diagonal in frequency, so they stand in the training graph at the
price of FFTs. The restorer sets the frame mean aside: here W is 1 and P is 0 at DC.
"""
import math
from typing import NamedTuple

import torch

# S = exp(LEVEL) * G**-DECAY per DFT coefficient, fitted on 200 photographs.
LEVEL, DECAY = -3.92, 1.753


class Filters(NamedTuple):
    """What a PSF and a noise level mean for frames of one extent, as half spectra."""

    transfer: torch.Tensor
    regulariser: torch.Tensor

    def inverse(self, strength=1.0):
        """W for the regulariser times `strength`."""
        inverse = self.transfer.conj() / (self.transfer.abs() ** 2 + strength * self.regulariser)
        inverse[..., 0, 0] = 1
        return inverse

    def projection(self, strength=1.0):
        """P_c for c = `strength`."""
        projection = 1 - 1 / (1 + strength * self.regulariser / (self.transfer.abs() ** 2 + 1e-12))
        projection[..., 0, 0] = 0
        return projection


def filters(psfs, sigma, size, flat=None):
    """Filters of `psfs` [B, K, K] and noise `sigma` [B], a share of the full range, on square frames of `size`."""
    transfer = otf(psfs, size)
    if flat is not None:
        return Filters(transfer, torch.full_like(transfer.real, flat))
    return Filters(transfer, spectral_regulariser(sigma, size))


def otf(psfs, size):
    """Half spectra [B, 1, size, size // 2 + 1] of `psfs` [B, K, K] with their centre K // 2 moved to the origin."""
    support = psfs.shape[-1]
    plane = torch.nn.functional.pad(psfs, (0, size - support, 0, size - support))
    return torch.fft.rfft2(plane.roll((-(support // 2), -(support // 2)), (1, 2)))[:, None]


def spectral_regulariser(sigma, size):
    """R [B, 1, size, size // 2 + 1]."""
    v = torch.fft.fftfreq(size, device=sigma.device)[:, None]
    u = torch.fft.rfftfreq(size, device=sigma.device)[None, :]
    laplacian = 4 * torch.sin(math.pi * v) ** 2 + 4 * torch.sin(math.pi * u) ** 2
    return (sigma**2)[:, None, None, None] / (math.exp(LEVEL) * laplacian.clamp(min=1e-6) ** -DECAY)


def apply(spectrum, frames):
    """Circular filtering of square `frames` by a half spectrum."""
    return torch.fft.irfft2(torch.fft.rfft2(frames) * spectrum, s=frames.shape[-2:])
