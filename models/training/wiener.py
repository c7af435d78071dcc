"""The Wiener filter and the null-space projection, batched in PyTorch.

`W = conj(H) / (|H|^2 + R)` and `P = R / (|H|^2 + R)` with the spectral regulariser `R = sigma^2 / S`; `S` is the mean
power spectrum of natural images. Both are diagonal in frequency, so they stand in the training graph at the price
of FFTs. The restorer sets the frame mean aside: here W is 1 and P is 0 at DC.
"""
import math

import torch

# S = exp(LEVEL) * G**-DECAY per DFT coefficient, fitted on 200 photographs.
LEVEL, DECAY = -3.92, 1.753


def otf(psfs, size):
    """Half spectra [B, 1, size, size // 2 + 1] of `psfs` [B, K, K] with their centre K // 2 moved to the origin."""
    support = psfs.shape[-1]
    plane = torch.nn.functional.pad(psfs, (0, size - support, 0, size - support))
    return torch.fft.rfft2(plane.roll((-(support // 2), -(support // 2)), (1, 2)))[:, None]


def spectral_regulariser(sigma, size):
    """R [B, 1, size, size // 2 + 1] for noise of `sigma` [B], a share of the full range."""
    v = torch.fft.fftfreq(size, device=sigma.device)[:, None]
    u = torch.fft.rfftfreq(size, device=sigma.device)[None, :]
    laplacian = 4 * torch.sin(math.pi * v) ** 2 + 4 * torch.sin(math.pi * u) ** 2
    return (sigma**2)[:, None, None, None] / (math.exp(LEVEL) * laplacian.clamp(min=1e-6) ** -DECAY)


def filters(transfer, regulariser):
    """The inverse filter W and the projection P."""
    power = transfer.abs() ** 2 + regulariser
    inverse, projection = transfer.conj() / power, regulariser / power
    inverse[..., 0, 0], projection[..., 0, 0] = 1, 0
    return inverse, projection


def apply(spectrum, frames):
    """Circular filtering of square `frames` by a half spectrum."""
    return torch.fft.irfft2(torch.fft.rfft2(frames) * spectrum, s=frames.shape[-2:])
