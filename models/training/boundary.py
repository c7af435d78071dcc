"""Boundary extension after Liu and Jia (ICIP 2008), batched: a frame made periodic by a margin without seams.

The margin is harmonic: each of its samples is the mean of its four neighbours. All frames of a batch have one
extent, so the sine transforms that solve it are small matrices, made once.
"""
import math

import torch


def extend(inner, margin):
    """Periodic frames [B, 1, N + margin, N + margin] with `inner` [B, 1, N, N] in their first corner."""
    below = _bridge(inner[..., -1, :], inner[..., 0, :], margin)
    right = _bridge(inner[..., :, -1], inner[..., :, 0], margin).mT
    ring = inner.new_zeros(*inner.shape[:-2], margin + 2, margin + 2)
    ring[..., 0, :], ring[..., -1, :] = right[..., -1, :], right[..., 0, :]
    ring[..., :, 0], ring[..., :, -1] = below[..., :, -1], below[..., :, 0]
    top = torch.cat((inner, right[..., 1:-1]), dim=-1)
    bottom = torch.cat((below[..., 1:-1, :], _harmonic(ring)[..., 1:-1, 1:-1]), dim=-1)
    return torch.cat((top, bottom), dim=-2)


def _bridge(first, last, rows):
    """A harmonic band from row `first` to row `last`, `rows` rows apart, linear along its two sides."""
    t = torch.linspace(0, 1, rows + 2, device=first.device)
    left, right = ((1 - t) * first[..., None, i] + t * last[..., None, i] for i in (0, -1))
    band = first.new_zeros(*first.shape[:-1], rows + 2, first.shape[-1])
    band[..., 0, :], band[..., -1, :] = first, last
    band[..., 1:-1, 0], band[..., 1:-1, -1] = left[..., 1:-1], right[..., 1:-1]
    return _harmonic(band)


def _harmonic(ring):
    """Fills the interior of planes so that their Laplacian is zero there; the ring around it is kept."""
    known = ring.clone()
    known[..., 1:-1, 1:-1] = 0
    load = known[..., 1:-1, 2:] + known[..., 1:-1, :-2] + known[..., :-2, 1:-1] + known[..., 2:, 1:-1]
    (left, a), (right, b) = (_sines(n - 2, ring.device) for n in ring.shape[-2:])
    known[..., 1:-1, 1:-1] = left @ ((left @ load @ right) / (a[:, None] + b[None, :])) @ right
    return known


def _sines(count, device):
    """The orthonormal sine transform, which is its own inverse, and the eigenvalues of the second difference."""
    k = torch.arange(1, count + 1, device=device)
    transform = torch.sin(math.pi / (count + 1) * k[:, None] * k[None, :]) * math.sqrt(2 / (count + 1))
    return transform, 2 - 2 * torch.cos(math.pi / (count + 1) * k)
