"""JPEG's loss on a gray plane, on the device: the DCT of 8x8 blocks, rounded as the luma table says, and back.

Compressing for real is work for a processor and would be slower than a training step. What a decoder shows of a
baseline file differs from this only by its integer arithmetic.
"""
import functools
import math

import torch

# The luma table of the standard (ITU-T T.81, annex K), quality 50.
TABLE = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)  # fmt: skip


def compress(frames, quality):
    """`frames` [B, 1, H, W] in [0, 1] (sides multiples of 8) at `quality` [B], 1 to 100."""
    count, _, height, width = frames.shape
    cosines, table = _constants(frames.device)
    factor = torch.where(quality < 50, 50 / quality, 2 - quality / 50)
    steps = (table * factor[:, None, None]).round().clamp(1, 255)[:, None, None]
    blocks = (frames * 255 - 128).reshape(count, height // 8, 8, width // 8, 8).transpose(2, 3)
    levels = ((cosines @ blocks @ cosines.T) / steps).round()
    blocks = (cosines.T @ (levels * steps) @ cosines).transpose(2, 3)
    return ((blocks.reshape(frames.shape) + 128).round().clamp(0, 255)) / 255


def quality(table):
    """The quality, 1 to 100, of the standard's table that comes nearest to a file's luma `table` of 64 steps."""
    percent = 100 * sum(table) / sum(map(sum, TABLE))
    return round(max(1, min(100, (200 - percent) / 2 if percent <= 100 else 5000 / percent)))


@functools.cache
def _constants(device):
    """The matrix of the DCT, and the table."""
    k = torch.arange(8, device=device)
    rows = torch.cos(math.pi / 16 * k[:, None] * (2 * k[None, :] + 1)) / 2
    cosines = torch.where(k[:, None] == 0, rows / math.sqrt(2), rows)
    return cosines, torch.tensor(TABLE, device=device, dtype=torch.float32)
